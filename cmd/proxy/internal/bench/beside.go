package bench

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"time"
)

// dialer makes one connection of a storm.
func (s *storm) dialer() (func(context.Context) (net.Conn, error), error) {
	if s.certificate == "" {
		return func(ctx context.Context) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", s.addr)
		}, nil
	}
	conf, err := trust(s.certificate)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (net.Conn, error) {
		return (&tls.Dialer{Config: conf}).DialContext(ctx, "tcp", s.addr)
	}, nil
}

// stormy is a paced load, measured without and then with a storm of new connections beside it. The storm is a process of its own:
// in the generator's it would be the generator that it slows down.
type stormy struct {
	load paced
	rate int // connections a second
	tls  bool
}

func (s stormy) measure(ctx context.Context, l *lab, t *target, d time.Duration) (Metrics, error) {
	before, err := s.load.measure(ctx, l, t, d)
	if err != nil {
		return nil, err
	}
	addr, cert := t.addr, ""
	if s.tls {
		addr, cert = t.tlsAddr, certFile(l.dir)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// It blows for as long as the load runs: warm-up and measurement.
	cmd := exec.CommandContext(ctx, l.opts.Binary, HelperCommand, "storm", addr, cert, strconv.Itoa(s.rate), (warmUp(d) + d).String())
	dieWithUs(cmd)
	type outcome struct {
		text []byte
		err  error
	}
	blown := make(chan outcome, 1)
	go func() {
		text, err := cmd.Output()
		blown <- outcome{text, err}
	}()
	m, err := s.load.measure(ctx, l, t, d)
	if err != nil {
		cancel()
		<-blown
		return nil, err
	}
	o := <-blown
	if o.err != nil {
		return nil, fmt.Errorf("storm: %w", o.err)
	}
	var r stormResult
	if err := json.Unmarshal(o.text, &r); err != nil {
		return nil, err
	}
	if r.Failed > r.Made/100 {
		return nil, fmt.Errorf("storm: %d of %d connections failed: %s", r.Failed, r.Made+r.Failed, r.Error)
	}
	m[P99Before], m[Connects] = before[P99], float64(r.Made)/r.Seconds
	return m, nil
}

// crowd is a load, measured without and then with many idle clients beside it.
type crowd struct {
	load paced
	idle int
}

func (c crowd) measure(ctx context.Context, l *lab, t *target, d time.Duration) (Metrics, error) {
	before, err := c.load.measure(ctx, l, t, d)
	if err != nil {
		return nil, err
	}
	type memory struct{ between, server int64 }
	read := func() (m memory) {
		if t.proc != nil {
			m.between, _ = residentBytes(t.proc.pid())
		}
		m.server, _ = residentBytes(l.server.pid())
		return m
	}
	was := read()
	conns, err := connect(ctx, t.addr, c.idle)
	if err != nil {
		return nil, err
	}
	defer dropAll(conns)
	if err := askAll(conns); err != nil {
		return nil, err
	}
	// What a server needs no more of after the last command it gives back while the load runs.
	m, err := c.load.measure(ctx, l, t, d)
	if err != nil {
		return nil, err
	}
	m[P99Before] = before[P99]
	is := read()
	if t.proc != nil && is.between > 0 {
		m[PerClient] = float64(is.between-was.between) / float64(c.idle)
	}
	if is.server > 0 {
		m[RedisClient] = float64(is.server-was.server) / float64(c.idle)
	}
	return m, nil
}

// askAll has each client say something, so that a target that does nothing for a client before its first command has done it.
func askAll(conns []net.Conn) error {
	for _, nc := range conns {
		if err := ask(nc, patience); err != nil {
			return err
		}
	}
	return nil
}

// dropAll resets the connections: orderly ends would leave thousands of ports in TIME_WAIT, which the next case may need.
func dropAll(conns []net.Conn) {
	for _, nc := range conns {
		if tcp, ok := nc.(*net.TCPConn); ok {
			tcp.SetLinger(0)
		}
		nc.Close()
	}
}
