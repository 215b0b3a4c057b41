package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/atomicproxy/atomicproxy/cmd/proxy/internal/bench"
)

const (
	quickDuration = time.Second
	fullDuration  = 2 * time.Second
	fullRounds    = 3
)

type benchCmd struct {
	Rounds    int           `help:"How often each measurement is made; medians are shown. Default ${fullRounds}; 1 with --quick." placeholder:"N"`
	Duration  time.Duration `help:"Of one measurement. Default ${fullDuration}; ${quickDuration} with --quick." placeholder:"DURATION"`
	Workloads []string      `help:"Only these, with commas; get-* stands for several." placeholder:"NAMES"`
	List      bool          `help:"List the workloads and end."`
	Peers     []string      `help:"What to measure beside a server directly: proxy, haproxy, twemproxy, and copy, a relay that only copies bytes." default:"proxy,haproxy,twemproxy" placeholder:"NAMES"`
	Server    string        `help:"The server's program. Default: redis-server." placeholder:"PATH"`
	Loops     int           `help:"The proxy's event loops; 0 lets it choose."`
	Quick     bool          `help:"A few workloads, a second each."`
	From      []string      `help:"Measure nothing, take what --json has written." placeholder:"FILE" sep:"none"`
	JSON      string        `name:"json" help:"Write all samples to this file." placeholder:"FILE"`
	Markdown  string        `help:"Write the tables to this file, between its marks if it has them." placeholder:"FILE"`
	Plot      string        `help:"Write charts (SVG) into this directory." placeholder:"DIR"`
}

func (c *benchCmd) run(w *world) int {
	if c.List {
		bench.List(w.stdout)
		return exitOK
	}
	r, err := c.report(w)
	if r != nil {
		r.Markdown(w.stdout) // whatever else fails: it took long
		if werr := c.write(r); werr != nil {
			return w.fail(werr)
		}
	}
	if err != nil {
		return w.fail(err)
	}
	return exitOK
}

// report measures, or reads what was measured.
func (c *benchCmd) report(w *world) (*bench.Report, error) {
	if len(c.From) > 0 {
		return readReports(c.From)
	}
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	o := bench.Options{Binary: exe, Version: version(), Server: c.Server, Peers: c.Peers, Cases: c.Workloads, Rounds: c.Rounds,
		Duration: c.Duration, Loops: c.Loops, Quick: c.Quick, Log: w.stderr}
	if o.Rounds == 0 {
		o.Rounds = fullRounds
		if c.Quick {
			o.Rounds = 1
		}
	}
	if o.Duration == 0 {
		o.Duration = fullDuration
		if c.Quick {
			o.Duration = quickDuration
		}
	}
	// The first signal ends it in order, with the children; the second at once.
	ctx, stop := signal.NotifyContext(w.ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	defer context.AfterFunc(ctx, stop)()
	return bench.Run(ctx, o)
}

// readReports reads files, and makes one report of them.
func readReports(files []string) (*bench.Report, error) {
	var all *bench.Report
	for _, path := range files {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		r, err := bench.ReadJSON(f)
		f.Close()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if all == nil {
			all = r
		} else if err := all.Add(r); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	return all, nil
}

// write makes the files that were asked for.
func (c *benchCmd) write(r *bench.Report) error {
	if c.JSON != "" {
		if err := writeTo(c.JSON, r.WriteJSON); err != nil {
			return err
		}
	}
	if c.Markdown != "" {
		if err := r.WriteMarkdown(c.Markdown); err != nil {
			return err
		}
	}
	if c.Plot == "" {
		return nil
	}
	if err := os.MkdirAll(c.Plot, 0o755); err != nil {
		return err
	}
	for _, p := range r.Charts() {
		if err := writeTo(filepath.Join(c.Plot, p.Name+".svg"), p.WriteSVG); err != nil {
			return err
		}
	}
	return nil
}

func writeTo(path string, write func(io.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := write(f); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// benchHelperCmd is what bench starts of this program beside the proxy. It is nobody else's, so help does not show it.
type benchHelperCmd struct {
	Args []string `arg:"" passthrough:""`
}

func (c *benchHelperCmd) run(w *world) int {
	ctx, stop := signal.NotifyContext(w.ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := bench.Helper(ctx, c.Args, w.stdout); err != nil {
		return w.fail(err)
	}
	return exitOK
}
