package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"time"
)

// Report is what a run has measured.
type Report struct {
	Machine  Machine       `json:"machine"`
	Date     string        `json:"date"` // of the start, YYYY-MM-DD
	Rounds   int           `json:"rounds"`
	Duration time.Duration `json:"duration_ns"` // of each measurement
	Samples  []Sample      `json:"samples"`
	Notes    []string      `json:"notes"`
}

// Machine is where it was measured, and on what.
type Machine struct {
	CPUs    int    `json:"cpus"`
	System  string `json:"system"`
	Server  string `json:"server"` // version
	Version string `json:"version"`
	Go      string `json:"go"`
}

func newReport(l *lab) *Report {
	return &Report{
		Machine:  Machine{runtime.NumCPU(), kernel() + " " + runtime.GOARCH, l.version, l.opts.Version, runtime.Version()},
		Date:     time.Now().Format(time.DateOnly),
		Duration: l.opts.Duration,
	}
}

// WriteJSON writes everything, for Read.
func (r *Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	return e.Encode(r)
}

// ReadJSON reads what WriteJSON wrote.
func ReadJSON(in io.Reader) (*Report, error) {
	d := json.NewDecoder(in)
	d.DisallowUnknownFields()
	var r Report
	if err := d.Decode(&r); err != nil {
		return nil, fmt.Errorf("not a report: %w", err)
	}
	return &r, nil
}

// Add appends the rounds of another report of the same machine and programs.
func (r *Report) Add(other *Report) error {
	if r.Machine != other.Machine || r.Duration != other.Duration {
		return errors.New("another machine, program or duration: medians over both would mean nothing")
	}
	for _, s := range other.Samples {
		s.Round += r.Rounds
		r.Samples = append(r.Samples, s)
	}
	r.Rounds += other.Rounds
	r.Notes = unique(append(r.Notes, other.Notes...))
	return nil
}

// value is the median of a metric over the rounds.
func (r *Report) value(c, series, metric string) (float64, bool) {
	var v []float64
	for _, s := range r.Samples {
		if s.Case != c || s.Series != series {
			continue
		}
		if x, ok := s.Metrics[metric]; ok {
			v = append(v, x)
		}
	}
	if len(v) == 0 {
		return 0, false
	}
	return median(v), true
}

// peer is the better of what HAProxy and twemproxy reached.
func (r *Report) peer(c, metric string) (float64, bool) {
	best, found := 0.0, false
	for _, name := range []string{HAProxy, Twemproxy} {
		if v, ok := r.value(c, name, metric); ok && (!found || better(metric, v, best) < 0) {
			best, found = v, true
		}
	}
	return best, found
}

// has tells whether anything of a case was measured.
func (r *Report) has(c string) bool {
	return slices.ContainsFunc(r.Samples, func(s Sample) bool { return s.Case == c })
}

// series lists those of the samples that are among names, in their order.
func (r *Report) series(names ...string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool {
		return !slices.ContainsFunc(r.Samples, func(s Sample) bool { return s.Series == n })
	})
}
