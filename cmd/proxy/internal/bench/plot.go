package bench

import (
	"fmt"
	"io"
	"strings"

	"github.com/go-analyze/charts"
)

const (
	chartHeight = 420
	minWidth    = 900
	caseWidth   = 60 // so that five bars of a case can be told apart
	// uprightCases is how many names fit side by side; with more of them they stand aslant.
	uprightCases = 9
)

// Chart is a picture of some of a report's numbers.
type Chart struct {
	Name   string // of the file, without its ending
	title  string
	cases  []string
	series []string
	values [][]float64 // by series, then case
}

// Charts draws what was measured.
func (r *Report) Charts() []Chart {
	var all []Chart
	for _, c := range []struct {
		name, title string
		cases       []string
		cell        func(c, series string) (float64, bool)
	}{
		{"throughput", "Throughput, ratio to direct clients", nil, r.ratio},
		{"get", "GET: throughput, ratio to direct clients", []string{"get-"}, r.ratio},
		{"latency", "p99, ms", []string{"get-c1-p1", "get-c50-p1", "get-c200-p1", "get-c1000-p1", "open-1000"}, func(c, s string) (float64, bool) {
			v, ok := r.value(c, s, P99)
			return v / 1000, ok
		}},
		{"cpu", "CPU time for an operation, µs", []string{"get-c50-", "set-c50-", "tx-"}, func(c, s string) (float64, bool) {
			server, ok := r.value(c, s, RedisCPU)
			between, _ := r.value(c, s, ProxyCPU)
			return server + between, ok
		}},
	} {
		if p := r.chart(c.name, c.title, c.cases, c.cell); len(p.cases) > 0 {
			all = append(all, p)
		}
	}
	return all
}

// ratio is a rate as a share of the direct one.
func (r *Report) ratio(c, series string) (float64, bool) {
	v, ok := r.value(c, series, Rate)
	direct, there := r.value(c, Direct, Rate)
	if !ok || !there || isPaced(c) {
		return 0, false
	}
	return v / direct, true
}

// chart takes the cases that begin with one of prefixes (nil: all) and have a number.
func (r *Report) chart(name, title string, prefixes []string, cell func(c, series string) (float64, bool)) Chart {
	p := Chart{Name: name, title: title, series: r.series(Direct, Proxy, HAProxy, Twemproxy, Copy)}
	p.values = make([][]float64, len(p.series))
	for _, c := range cases() {
		wanted := prefixes == nil
		for _, prefix := range prefixes {
			wanted = wanted || strings.HasPrefix(c.name, prefix)
		}
		if _, ok := cell(c.name, Proxy); !wanted || !ok {
			continue
		}
		p.cases = append(p.cases, c.name)
		for i, s := range p.series {
			v, ok := cell(c.name, s)
			if !ok {
				v = charts.GetNullValue()
			}
			p.values[i] = append(p.values[i], v)
		}
	}
	return p
}

// WriteSVG draws it.
func (c Chart) WriteSVG(w io.Writer) error {
	o := charts.NewBarChartOptionWithData(c.values)
	o.Title.Text = c.title
	o.Title.FontStyle.FontSize = 14
	o.CategoryAxis.Labels = c.cases
	o.CategoryAxis.LabelFontStyle.FontSize = 9
	if len(c.cases) > uprightCases {
		o.CategoryAxis.LabelRotation = charts.DegreesToRadians(45)
	}
	o.CategoryAxis.LabelCount = len(c.cases)
	o.Legend.SeriesNames = c.series
	o.Legend.FontStyle.FontSize = 10
	o.Legend.Offset.Left = charts.PositionRight
	zero := 0.0
	o.ValueAxis[0].Min = &zero
	p := charts.NewPainter(charts.PainterOptions{OutputFormat: charts.ChartOutputSVG, Width: max(minWidth, caseWidth*len(c.cases)), Height: chartHeight})
	if err := p.BarChart(o); err != nil {
		return fmt.Errorf("%s: %w", c.Name, err)
	}
	b, err := p.Bytes()
	if err != nil {
		return fmt.Errorf("%s: %w", c.Name, err)
	}
	_, err = w.Write(b)
	return err
}
