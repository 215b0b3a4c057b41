package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// HelperCommand is the first word of a command line that Run gives to children of its own program, which must call Helper with the rest.
const HelperCommand = "bench-helper"

// Helper is what a child does, as its arguments say, until ctx ends or it is done. Output is for the parent.
//
//	copy LISTEN UPSTREAM
//	storm ADDRESS CERTIFICATE RATE DURATION    (CERTIFICATE "": plain)
func Helper(ctx context.Context, args []string, out io.Writer) error {
	switch {
	case len(args) == 3 && args[0] == "copy":
		return relay(ctx, args[1], args[2])
	case len(args) == 5 && args[0] == "storm":
		rate, err := strconv.Atoi(args[3])
		if err != nil {
			return err
		}
		d, err := time.ParseDuration(args[4])
		if err != nil {
			return err
		}
		yieldToOthers()
		s := storm{addr: args[1], certificate: args[2], rate: rate}
		result, err := s.blow(ctx, d)
		if err != nil {
			return err
		}
		return json.NewEncoder(out).Encode(result)
	}
	return errors.New("the arguments are the bench command's own affair")
}

const (
	// stormWidth bounds how many connections of a storm are being made at a time. Beyond it they are late, which shows in
	// how many were made.
	stormWidth = 500
	stormWait  = 5 * time.Second
)

// probe is a command that every target takes (twemproxy knows no PING), and its reply.
const probe, probeReply = "*2\r\n$3\r\nGET\r\n$9\r\nnosuchkey\r\n", "$-1\r\n"

// ask sends the probe and reads the reply.
func ask(nc net.Conn, wait time.Duration) error {
	nc.SetDeadline(time.Now().Add(wait))
	if _, err := io.WriteString(nc, probe); err != nil {
		return err
	}
	var b [len(probeReply)]byte
	if _, err := io.ReadFull(nc, b[:]); err != nil {
		return err
	}
	if string(b[:]) != probeReply {
		return fmt.Errorf("GET was answered %q", b)
	}
	return nil
}

// storm makes connections at a rate; each sends one command, reads the reply and ends.
type storm struct {
	addr        string
	certificate string
	rate        int
	made        atomic.Int64
	failed      atomic.Int64
	first       atomic.Pointer[error]
}

// stormResult is what a storm's process tells its parent.
type stormResult struct {
	Made, Failed int64
	Error        string // the first
	Seconds      float64
}

func (s *storm) blow(ctx context.Context, d time.Duration) (stormResult, error) {
	dial, err := s.dialer()
	if err != nil {
		return stormResult{}, err
	}
	began := time.Now()
	var wg sync.WaitGroup
	slots := make(chan struct{}, stormWidth)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for begun := 0; time.Since(began) < d && ctx.Err() == nil; {
		<-tick.C
		for due := int(time.Since(began).Seconds() * float64(s.rate)); begun < due; begun++ {
			slots <- struct{}{}
			wg.Go(func() {
				s.once(ctx, dial)
				<-slots
			})
		}
	}
	wg.Wait()
	r := stormResult{Made: s.made.Load(), Failed: s.failed.Load(), Seconds: time.Since(began).Seconds()}
	if e := s.first.Load(); e != nil {
		r.Error = (*e).Error()
	}
	return r, nil
}

func (s *storm) once(ctx context.Context, dial func(context.Context) (net.Conn, error)) {
	ctx, cancel := context.WithTimeout(ctx, stormWait)
	defer cancel()
	err := func() error {
		nc, err := dial(ctx)
		if err != nil {
			return err
		}
		defer nc.Close()
		return ask(nc, stormWait)
	}()
	if err != nil {
		s.failed.Add(1)
		s.first.CompareAndSwap(nil, &err)
		return
	}
	s.made.Add(1)
}
