package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/atomicproxy/atomicproxy/proxy"
	"github.com/redis/go-redis/v9"
)

const (
	defaultCliAddr = "127.0.0.1:6380"
	cliDialTimeout = 5 * time.Second
)

type cliCmd struct {
	Addr    string   `help:"Where to: host:port, or a URL as for --upstream." default:"${cliAddr}" placeholder:"ADDR"`
	RESP3   bool     `name:"resp3" short:"3" help:"Ask for RESP3 replies."`
	Command []string `arg:"" passthrough:"partial" help:"The command and its arguments."`
}

// run sends the command, once. It fails when the reply is an error, so that a
// script sees it.
func (c *cliCmd) run(w *world) int {
	url := c.Addr
	if !strings.Contains(url, "://") {
		url = "redis://" + url
	}
	target, err := proxy.ParseTarget(url)
	if err != nil {
		return w.fail(fmt.Errorf("--addr: %w", err))
	}
	r, err := c.send(w.ctx, target)
	if err != nil {
		return w.fail(fmt.Errorf("%s: %w", target.Address, err))
	}
	if isTerminal(w.stdout) {
		io.WriteString(w.stdout, r.terminal(""))
	} else {
		io.WriteString(w.stdout, r.raw()+"\n")
	}
	if r.kind == '-' {
		return exitFailed
	}
	return exitOK
}

// send does not bound how long the reply may take: BLPOP may wait for ever.
func (c *cliCmd) send(ctx context.Context, target proxy.Target) (reply, error) {
	protocol := 2
	if c.RESP3 {
		protocol = 3
	}
	o := clientOptions(target, protocol, cliDialTimeout)
	if target.TLS {
		conf := proxy.NewConfig()
		conf.Upstream.URL = target.Scheme + "://" + target.Address
		var err error
		if o.TLSConfig, err = conf.UpstreamTLS(); err != nil {
			return reply{}, err
		}
	}
	client := redis.NewClient(o)
	defer client.Close()
	args := make([]any, len(c.Command))
	for i, a := range c.Command {
		args[i] = a
	}
	b, err := client.DoRaw(ctx, args...).Result()
	if err != nil {
		return reply{}, err
	}
	r, _, err := parseReply(b, 0)
	return r, err
}

// isTerminal takes every character device for one; the only other that output
// goes to is the null device, where the form does not matter.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
