package proxy

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
)

// ListenAddr is one entry of Config.Listen taken apart.
type ListenAddr struct {
	Network string // "tcp" or "unix"
	Address string // "host:port" (port 0: any free one), or the socket's path
	TLS     bool   // never on a unix socket
}

// Listeners takes every entry of c.Listen apart.
func (c *Config) Listeners() ([]ListenAddr, error) {
	var out []ListenAddr
	for _, s := range c.Listen {
		l, err := parseListen(s)
		if err != nil {
			return nil, &ConfigError{[]Problem{c.problem("listen", err.Error())}}
		}
		out = append(out, l)
	}
	return out, nil
}

func parseListen(s string) (ListenAddr, error) {
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok {
		scheme, rest = "tcp", s
	}
	switch scheme {
	case "tcp", "redis", "valkey":
		return ListenAddr{"tcp", rest, false}, checkHostPort(rest)
	case "tls", "rediss", "valkeys":
		return ListenAddr{"tcp", rest, true}, checkHostPort(rest)
	case "unix":
		// 107 bytes: what a socket address holds on Linux; others hold less.
		if !filepath.IsAbs(rest) || len(rest) > 107 {
			return ListenAddr{}, fmt.Errorf("%q: want unix:// and an absolute path of at most 107 bytes: unix:///run/atomicproxy.sock", s)
		}
		return ListenAddr{"unix", rest, false}, nil
	}
	return ListenAddr{}, fmt.Errorf(`%q: want "host:port", "tls://host:port" or "unix:///path"`, s)
}

func checkListen(list []string) error {
	if len(list) == 0 {
		return errors.New(`nothing to listen on: name at least one address, such as "127.0.0.1:6380"`)
	}
	seen := make(map[ListenAddr]bool)
	for _, s := range list {
		l, err := parseListen(s)
		if err != nil {
			return err
		}
		l.TLS = false // the same address twice is a clash with and without TLS
		if seen[l] && !strings.HasSuffix(l.Address, ":0") {
			return fmt.Errorf("%q: named twice", s)
		}
		seen[l] = true
	}
	return nil
}
