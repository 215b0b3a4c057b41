package bench

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// sampleReport has three rounds of a case, of which the proxy has 0.5, 1.2 and 1.1 of direct's rate.
func sampleReport() *Report {
	r := &Report{Machine: Machine{2, "Linux", "7.0.15", "v1", "go1"}, Date: "2026-01-02", Rounds: 3, Duration: time.Second}
	for round, proxy := range []float64{500, 1200, 1100} {
		for series, m := range map[string]Metrics{
			Direct:    {Rate: 1000, P50: 100, P95: 150, P99: 200, P999: 300, RedisCPU: 5},
			Proxy:     {Rate: proxy, P50: 110, P95: 170, P99: 260, P999: 400, RedisCPU: 1.5, ProxyCPU: 4, ProxyRSS: 1 << 20},
			HAProxy:   {Rate: 600, P99: 500, RedisCPU: 5, ProxyCPU: 9},
			Twemproxy: {Rate: 700, P99: 400, RedisCPU: 2, ProxyCPU: 8},
		} {
			r.Samples = append(r.Samples, Sample{"get-c50-p1", series, round, m})
		}
		r.Samples = append(r.Samples, Sample{"purge-100000", Proxy, round, Metrics{Took: 20, Pause: 21}},
			Sample{"purge-100000", KeysDel, round, Metrics{Took: 40, Pause: 42}},
			Sample{"idle-10000", Proxy, round, Metrics{PerClient: 1000, P99: 30, P99Before: 20, RedisClient: -3}},
			Sample{"open-1000", Direct, round, Metrics{P95: 200, Rate: 1000}}, Sample{"open-1000", Proxy, round, Metrics{P95: 290, Rate: 1000}})
	}
	return r
}

func TestJudge(t *testing.T) {
	r := sampleReport()
	for _, tt := range []struct {
		w       wanted
		got     float64
		reached bool
	}{
		{wanted{"get-c50-p1", Rate, Direct, true, 1, 0}, 1.1, true}, // of medians
		{wanted{"get-c50-p1", Rate, Direct, true, 1.1, 0}, 1.1, true},
		{wanted{"get-c50-p1", Rate, Direct, true, 1.2, 0}, 1.1, false},
		{wanted{"get-c50-p1", P99, Direct, false, 1.2, 0}, 1.3, false},
		{wanted{"get-c50-p1", P99, Direct, false, 1.3, 0}, 1.3, true},
		{wanted{"get-c50-p1", Rate, bestPeer, true, 1.5, 0}, 1100.0 / 700, true},
		{wanted{"get-c50-p1", ProxyCPU, bestPeer, false, 0.9, 0}, 0.5, true},
		{wanted{"get-c50-p1", RedisCPU, Twemproxy, false, 1, 0}, 0.75, true},
		{wanted{"idle-10000", PerClient, nothing, false, 1024, 0}, 1000, true},
		{wanted{"idle-10000", P99, without, false, 1.1, 0}, 1.5, false},
		{wanted{"open-1000", P95, Direct, false, 1, 100}, 90, true},
		{wanted{"open-1000", P95, Direct, false, 1, 80}, 90, false},
	} {
		got, reached, ok := r.judge(tt.w)
		if !ok || got != tt.got || reached != tt.reached {
			t.Errorf("%+v: %v, %v, %v; want %v, %v", tt.w, got, reached, ok, tt.got, tt.reached)
		}
	}
	for _, w := range []wanted{{"tx-c200", Rate, Direct, true, 1, 0}, {"open-1000", P95, bestPeer, false, 1, 0}, {"get-c50-p1", Took, Direct, false, 1, 0}} {
		if _, _, ok := r.judge(w); ok {
			t.Errorf("%+v was judged and not measured", w)
		}
	}
}

// Every bound is about a case and, where it names one, a series that there is.
func TestWantedNamesExist(t *testing.T) {
	for _, w := range want() {
		if o := (Options{Cases: []string{w.c}}); w.bound <= 0 {
			t.Errorf("%+v has no bound", w)
		} else if _, err := choose(&o); err != nil {
			t.Errorf("%+v: %v", w, err)
		}
	}
}

func TestMarkdown(t *testing.T) {
	var b bytes.Buffer
	sampleReport().Markdown(&b)
	for _, want := range []string{
		"Medians of 3 rounds of 1s each",
		"| get-c50-p1 | per s | direct | ≥ 1 | 1.10 | reached |",
		"| get-c50-p1 | p99 us | direct | ≤ 1.2 | 1.30 | **not reached** |",
		"| get-c50-p1 | 1000 | 1.10 | 0.600 | 0.700 |",
		"| get-c50-p1 | 0.100 / 0.200 / 0.300 | 0.110 / 0.260 / 0.400 | – | – |",
		"| get-c50-p1 | 5.00 | 4.00 + 1.50 | 9.00 + 5.00 | 8.00 + 2.00 |",
		"| purge-100000 | keys+del | 40.0 | 42.0 |",
		"| idle-10000 | proxy | 0.0200 | 0.0300 | – | 1000 + 0 |",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, &b)
		}
	}
	if strings.Contains(b.String(), "copy") || strings.Contains(b.String(), "NaN") {
		t.Errorf("what was not measured is shown:\n%s", &b)
	}
}

func TestWriteMarkdownKeepsTheRest(t *testing.T) {
	path := filepath.Join(t.TempDir(), "performance.md")
	if err := os.WriteFile(path, []byte("before\n"+beginMark+"\nold\n"+endMark+"\nafter\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := sampleReport().WriteMarkdown(path); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s := string(text)
	if !strings.HasPrefix(s, "before\n"+beginMark+"\n2026-01-02") || !strings.HasSuffix(s, endMark+"\nafter\n") ||
		strings.Contains(s, "old") || strings.Count(s, "### Throughput") != 1 {
		t.Errorf("%s", s)
	}
}

func TestJSONAndAdd(t *testing.T) {
	var b bytes.Buffer
	if err := sampleReport().WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	r, err := ReadJSON(bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Add(sampleReport()); err != nil {
		t.Fatal(err)
	}
	if r.Rounds != 6 || len(r.Samples) != 2*len(sampleReport().Samples) || r.Samples[len(r.Samples)-1].Round != 5 {
		t.Errorf("%d rounds, %d samples, the last of round %d", r.Rounds, len(r.Samples), r.Samples[len(r.Samples)-1].Round)
	}
	other := sampleReport()
	other.Machine.Server = "8.0.2"
	if err := r.Add(other); err == nil {
		t.Error("medians over two servers")
	}
	if _, err := ReadJSON(strings.NewReader(`{"nonsense": 1}`)); err == nil {
		t.Error("took any JSON for a report")
	}
}

// Charts are well-formed and name what they show.
func TestCharts(t *testing.T) {
	charts := sampleReport().Charts()
	if len(charts) == 0 {
		t.Fatal("no charts")
	}
	for _, c := range charts {
		var b bytes.Buffer
		if err := c.WriteSVG(&b); err != nil {
			t.Fatal(err)
		}
		for _, want := range append(c.series, c.cases...) {
			if !strings.Contains(b.String(), ">"+want+"<") {
				t.Errorf("%s: no %q", c.Name, want)
			}
		}
		for d := xml.NewDecoder(&b); ; {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", c.Name, err)
			}
		}
	}
}

func TestShort(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 1: "1.00", 0.0123456: "0.0123", 123.4: "123", 99999: "99999", 9.999: "10.00", -2.5: "-2.50"} {
		if got := short(v); got != want {
			t.Errorf("%v: %s, want %s", v, got, want)
		}
	}
}
