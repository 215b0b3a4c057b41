package proxy

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestAdminAnswers(t *testing.T) {
	ready := testAdminHandler(exampleStats(), nil)
	away := testAdminHandler(exampleStats(), errors.New("upstream 127.0.0.1:6379: connection refused\xff"))
	tests := []struct {
		h            http.Handler
		method, path string
		code         int
		body         string
	}{
		{ready, "GET", "/healthz", 200, "ok\n"},
		{ready, "GET", "/readyz", 200, "ready\n"},
		{ready, "GET", "/", 200, "atomicproxy v1.2.3\n/metrics\n/healthz\n/readyz\n"},
		{ready, "HEAD", "/healthz", 200, "ok\n"},
		{ready, "POST", "/healthz", 405, "Method Not Allowed\n"},
		{ready, "GET", "/debug/pprof/", 404, "404 page not found\n"},
		{away, "GET", "/healthz", 200, "ok\n"},
		{away, "GET", "/readyz", 503, "not ready: upstream 127.0.0.1:6379: connection refused?\n"},
	}
	for _, tt := range tests {
		if code, body := fetch(t, tt.h, tt.method, tt.path); code != tt.code || body != tt.body {
			t.Errorf("%s %s: %d %q, want %d %q", tt.method, tt.path, code, body, tt.code, tt.body)
		}
	}
}

// startAdmin serves on a free port until the test ends.
func startAdmin(t *testing.T, stats Stats) *Admin {
	t.Helper()
	a := NewAdmin(AdminOptions{Addr: "127.0.0.1:0", Stats: stats, Ready: func() error { return nil }, Version: "v0"})
	if err := a.Listen(); err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- a.Serve() }()
	t.Cleanup(func() {
		a.Close()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return a
}

func TestAdminServes(t *testing.T) {
	a := startAdmin(t, exampleStats())
	res, err := http.Get("http://" + a.Addr() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 200 || !strings.Contains(string(body), "atomicproxy_clients") {
		t.Errorf("%d %v %.100s", res.StatusCode, err, body)
	}
}

func TestAdminListenTwice(t *testing.T) {
	a := startAdmin(t, exampleStats())
	b := NewAdmin(AdminOptions{Addr: a.Addr(), Stats: exampleStats(), Ready: func() error { return nil }})
	if err := b.Listen(); err == nil || !strings.HasPrefix(err.Error(), "admin: ") {
		t.Errorf("a taken address: %v", err)
	}
	if b.Addr() != "" || b.Close() != nil {
		t.Error("an Admin that never listened can't be closed")
	}
}

// Close without Serve must free the port all the same.
func TestAdminCloseBeforeServe(t *testing.T) {
	a := NewAdmin(AdminOptions{Addr: "127.0.0.1:0", Stats: exampleStats(), Ready: func() error { return nil }})
	if err := a.Listen(); err != nil {
		t.Fatal(err)
	}
	a.Close()
	a.Close()
	ln, err := net.Listen("tcp", a.Addr())
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	if err := a.Serve(); err != nil {
		t.Errorf("Serve after Close: %v", err)
	}
}

// A scrape that hangs takes one of four places; the others, and /healthz, go on.
func TestAdminScrapesAreBounded(t *testing.T) {
	block := make(chan struct{})
	h := testAdminHandler(&fakeStats{block: block}, nil)
	stuck := make(chan struct{}, adminScrapesAtOnce)
	for range adminScrapesAtOnce {
		go func() { fetch(t, h, "GET", "/metrics"); stuck <- struct{}{} }()
	}
	deadline := time.Now().Add(5 * time.Second)
	for code := 0; code != 503; {
		if time.Now().After(deadline) {
			t.Fatal("scrapes beyond the bound are not refused")
		}
		// One of ours may take a place before the four have; it must not wait.
		answered := make(chan int, 1)
		go func() { c, _ := fetch(t, h, "GET", "/metrics"); answered <- c }()
		select {
		case code = <-answered:
		case <-time.After(50 * time.Millisecond):
		}
	}
	if code, _ := fetch(t, h, "GET", "/healthz"); code != 200 {
		t.Errorf("healthz: %d", code)
	}
	close(block)
	for range adminScrapesAtOnce {
		<-stuck
	}
}

func TestLimitListener(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln := newLimitListener(inner, 1)
	accepted := make(chan net.Conn)
	go func() {
		defer close(accepted)
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			fmt.Fprintln(c, "hello")
			accepted <- c
		}
	}()
	dial := func() *bufio.Reader {
		c, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return bufio.NewReader(c)
	}
	dial()
	first := <-accepted
	second := dial()
	select {
	case <-accepted:
		t.Fatal("a second connection was accepted beside the first")
	case <-time.After(20 * time.Millisecond):
	}
	first.Close()
	first.Close() // gives one place back, not two
	if line, err := second.ReadString('\n'); err != nil || line != "hello\n" {
		t.Errorf("%q %v", line, err)
	}
	c := <-accepted
	if len(ln.slots) != 1 {
		t.Errorf("%d places taken, want 1", len(ln.slots))
	}
	ln.Close() // while Accept waits for a place
	if _, open := <-accepted; open {
		t.Error("accepted after Close")
	}
	c.Close()
}
