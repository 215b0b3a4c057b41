package bench

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"time"
)

// Marks of the part of a file that WriteMarkdown replaces.
const (
	beginMark = "<!-- proxy bench: begin -->"
	endMark   = "<!-- proxy bench: end -->"
)

// WriteMarkdown puts the report into a file: between the marks, if it has them, else in place of all that it has.
func (r *Report) WriteMarkdown(path string) error {
	var b bytes.Buffer
	r.Markdown(&b)
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	before, rest, begun := strings.Cut(string(old), beginMark)
	_, after, ended := strings.Cut(rest, endMark)
	text := b.String()
	if begun && ended {
		text = before + beginMark + "\n" + text + endMark + after
	}
	return os.WriteFile(path, []byte(text), 0o644)
}

// Markdown writes the report's tables. Those of which nothing was measured are left out.
func (r *Report) Markdown(w io.Writer) {
	m := r.Machine
	fmt.Fprintf(w, "%s, %s, %d processors, server %s, atomicproxy %s, %s. Medians of %s of %v each.\n",
		r.Date, m.System, m.CPUs, m.Server, m.Version, m.Go, plural(r.Rounds, "round"), r.Duration.Round(time.Millisecond))
	r.wantedTable(w)
	names := r.series(Direct, Proxy, HAProxy, Twemproxy, Copy)
	r.table(w, "Throughput", "Operations that direct clients get in a second, and which share of that is left through each of the others.", names, r.rateCell)
	r.table(w, "Latency", "p50 / p99 / p99.9 in milliseconds.", names, r.latencyCell)
	r.table(w, "CPU time", "Microseconds for an operation, which is seconds for a million of them: of the process between + of the server.", names, r.cpuCell)
	r.table(w, "Memory", "Resident memory of the process between at the end of a sample, in MiB.", names, r.memoryCell)
	r.besideTable(w, names)
	r.replacedTables(w)
	fmt.Fprint(w, "\n### The workloads\n\n| | |\n|---|---|\n")
	for _, c := range cases() {
		if r.has(c.name) {
			fmt.Fprintf(w, "| %s | %s |\n", c.name, c.about)
		}
	}
	if len(r.Notes) > 0 {
		fmt.Fprint(w, "\n### Notes\n\n")
		for _, n := range r.Notes {
			fmt.Fprintf(w, "- %s\n", n)
		}
	}
	if worst := r.noise(); worst > noiseLimit {
		fmt.Fprintf(w, "\nOther programs kept up to %.2f processors busy meanwhile.\n", worst)
	}
}

func (r *Report) noise() float64 {
	worst := 0.0
	for _, s := range r.Samples {
		worst = max(worst, s.Metrics[Others])
	}
	return worst
}

// wantedTable says of each bound whether it was reached.
func (r *Report) wantedTable(w io.Writer) {
	head := false
	for _, x := range want() {
		got, reached, ok := r.judge(x)
		if !ok {
			continue
		}
		if !head {
			fmt.Fprint(w, "\n### What is wanted\n\nThe proxy's numbers, as ratios where they are compared with something.\n\n"+
				"| workload | number | compared with | wanted | measured | |\n|---|---|---|---|---|---|\n")
			head = true
		}
		verdict := "reached"
		if !reached {
			verdict = "**not reached**"
		}
		against := x.against
		if against == nothing {
			against = "–"
		}
		fmt.Fprintf(w, "| %s | %s | %s | %s | %s | %s |\n", x.c, strings.ReplaceAll(x.metric, "_", " "), against, x.text(), short(got), verdict)
	}
}

// table has a row for each case of the targets and a column for each of names.
func (r *Report) table(w io.Writer, title, about string, names []string, cell func(c, series string) string) {
	var rows strings.Builder
	for _, c := range cases() {
		if !r.has(c.name) {
			continue
		}
		row, any := "| "+c.name, false
		for _, n := range names {
			text := cell(c.name, n)
			any = any || text != ""
			if text == "" {
				text = "–"
			}
			row += " | " + text
		}
		if any {
			rows.WriteString(row + " |\n")
		}
	}
	if rows.Len() > 0 {
		fmt.Fprintf(w, "\n### %s\n\n%s\n\n| workload | %s |\n|---%s|\n%s", title, about, strings.Join(names, " | "), strings.Repeat("|---", len(names)), rows.String())
	}
}

func (r *Report) rateCell(c, series string) string {
	v, ok := r.value(c, series, Rate)
	direct, there := r.value(c, Direct, Rate)
	switch {
	case !ok || !there || isPaced(c): // the rate of those is given
		return ""
	case series == Direct:
		return fmt.Sprintf("%.0f", v)
	}
	return short(v / direct)
}

// isPaced tells cases whose rate is chosen and not measured.
func isPaced(c string) bool {
	return strings.HasPrefix(c, "open-") || strings.HasPrefix(c, "idle-") || strings.HasPrefix(c, "storm")
}

func (r *Report) latencyCell(c, series string) string {
	var parts []string
	for _, metric := range []string{P50, P99, P999} {
		v, ok := r.value(c, series, metric)
		if !ok {
			return ""
		}
		parts = append(parts, short(v/1000))
	}
	return strings.Join(parts, " / ")
}

func (r *Report) cpuCell(c, series string) string {
	server, ok := r.value(c, series, RedisCPU)
	if !ok {
		return ""
	}
	if between, ok := r.value(c, series, ProxyCPU); ok {
		return short(between) + " + " + short(server)
	}
	return short(server)
}

func (r *Report) memoryCell(c, series string) string {
	v, ok := r.value(c, series, ProxyRSS)
	if !ok {
		return ""
	}
	return short(v / (1 << 20))
}

// besideTable is about clients beside which there are others.
func (r *Report) besideTable(w io.Writer, names []string) {
	head := false
	for _, c := range []string{"idle-10000", "storm", "storm-tls"} {
		for _, n := range names {
			before, ok := r.value(c, n, P99Before)
			if !ok {
				continue
			}
			if !head {
				fmt.Fprint(w, "\n### Beside others\n\np99 of 50 clients with 5,000 GETs a second, without and with the others beside them.\n\n"+
					"| workload | target | p99 without, ms | with, ms | new connections, 1/s | bytes for each idle client, between + server |\n|---|---|---|---|---|---|\n")
				head = true
			}
			after, _ := r.value(c, n, P99)
			fmt.Fprintf(w, "| %s | %s | %s | %s | %s | %s |\n", c, n, short(before/1000), short(after/1000), r.number(c, n, Connects), r.idleCell(c, n))
		}
	}
}

func (r *Report) idleCell(c, series string) string {
	server, ok := r.value(c, series, RedisClient)
	if !ok {
		return "–"
	}
	if between, ok := r.value(c, series, PerClient); ok {
		return fmt.Sprintf("%.0f + %.0f", max(0, between), max(0, server)) // less than nothing: others' memory went back
	}
	return fmt.Sprintf("%.0f", max(0, server))
}

func (r *Report) number(c, series, metric string) string {
	v, ok := r.value(c, series, metric)
	if !ok {
		return "–"
	}
	return short(v)
}

// replacedTables are about the proxy's own commands and what is done without them.
func (r *Report) replacedTables(w io.Writer) {
	var rates, deletions strings.Builder
	for _, c := range cases() {
		for _, n := range r.series(Proxy, EvalSHA, WatchLoop, Snapshot, Sweep, ScanUnlink, KeysDel) {
			if strings.HasPrefix(c.name, "replaces-") && r.number(c.name, n, Rate) != "–" {
				v, _ := r.value(c.name, n, Rate)
				fmt.Fprintf(&rates, "| %s | %s | %.0f | %s | %s |\n", c.name, n, v, r.latencyCell(c.name, n), r.cpuCell(c.name, n))
			}
			if took := r.number(c.name, n, Took); took != "–" {
				fmt.Fprintf(&deletions, "| %s | %s | %s | %s |\n", c.name, n, took, r.number(c.name, n, Pause))
			}
		}
	}
	if rates.Len() > 0 {
		fmt.Fprintf(w, "\n### Instead of scripts and WATCH\n\n200 clients. evalsha and watch go to the server directly: the same script, and an optimistic loop "+
			"(WATCH and GET, then MULTI, the write and EXEC).\n\n| workload | by | 1/s | p50 / p99 / p99.9, ms | CPU, µs |\n|---|---|---|---|---|\n%s", rates.String())
	}
	if deletions.Len() > 0 {
		fmt.Fprintf(w, "\n### Instead of KEYS or SCAN\n\nDeleting 1,000 keys by pattern; the pause is the longest that another client of the same target waited for "+
			"a PING. scan+unlink and keys+del go to the server directly; scan+unlink is not atomic.\n\n| workload | by | took, ms | pause, ms |\n|---|---|---|---|\n%s", deletions.String())
	}
}

// short writes three significant digits.
func short(v float64) string {
	if v == 0 || math.IsNaN(v) {
		return "0"
	}
	digits := max(0, 2-int(math.Floor(math.Log10(math.Abs(v)))))
	return fmt.Sprintf("%.*f", digits, v)
}
