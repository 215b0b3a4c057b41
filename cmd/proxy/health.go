package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

type healthCmd struct {
	Config string  `help:"The running proxy's configuration file, for its admin address." placeholder:"FILE"`
	Admin  *string `help:"The running proxy's admin address." placeholder:"ADDR"`
	Ready  bool    `help:"Ask whether clients can be served (/readyz), not only whether the process lives (/healthz)."`
}

// healthTimeout is shorter than what container engines allow a check by default.
const healthTimeout = 3 * time.Second

func (c *healthCmd) run(w *world) int {
	cfg, err := (&settings{Config: c.Config, Admin: c.Admin}).load(w.env)
	if err != nil {
		return w.fail(err)
	}
	path := "/healthz"
	if c.Ready {
		path = "/readyz"
	}
	body, err := ask(w.ctx, cfg.Admin, path)
	if err != nil {
		return w.fail(err)
	}
	fmt.Fprintln(w.stdout, body)
	return exitOK
}

// ask gets path from the admin server at addr, and gives what it said; an error
// unless that is 200.
func ask(ctx context.Context, addr, path string) (string, error) {
	if addr == "" {
		return "", errors.New("the admin server is turned off (admin is empty): there is nothing to ask")
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", fmt.Errorf("admin address: %w", err)
	}
	// Where it listens on every address, the nearest will do.
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
		if ip != nil && ip.To4() == nil {
			host = "::1"
		}
	}
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+path, nil)
	if err != nil {
		return "", err
	}
	// A transport of its own: HTTP_PROXY is for the outside world.
	res, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 4096))
	if err != nil {
		return "", err
	}
	said := strings.TrimSpace(string(body))
	if res.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: %s", res.Status, said)
	}
	return said, nil
}
