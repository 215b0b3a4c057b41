package control

import (
	"crypto/sha1"
	"encoding/hex"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tidwall/redcon"
)

// fake is a scripted upstream: answer writes the reply to a command, given by its name and first argument in lower case.
func fake(t *testing.T, answer func(conn redcon.Conn, name string, args [][]byte)) string {
	t.Helper()
	srv := redcon.NewServerNetwork("tcp", "127.0.0.1:0", func(conn redcon.Conn, cmd redcon.Command) {
		name := strings.ToLower(string(cmd.Args[0]))
		if len(cmd.Args) > 1 && name == "script" {
			name += " " + strings.ToLower(string(cmd.Args[1]))
		}
		answer(conn, name, cmd.Args)
	}, func(redcon.Conn) bool { return true }, func(redcon.Conn, error) {})
	ready := make(chan error, 1)
	ended := make(chan struct{})
	go func() { defer close(ended); srv.ListenServeAndSignal(ready) }()
	if err := <-ready; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { srv.Close(); <-ended })
	return srv.Addr().String()
}

// plain answers as a small server without scripts' contents does.
func plain(conn redcon.Conn, name string, args [][]byte) {
	switch name {
	case "ping":
		conn.WriteString("PONG")
	case "script load":
		if strings.HasPrefix(string(args[2]), "#!") {
			conn.WriteError("ERR Error compiling script")
			return
		}
		sum := sha1.Sum(args[2])
		conn.WriteBulkString(hex.EncodeToString(sum[:]))
	case "script exists":
		conn.WriteArray(len(args) - 2)
		for range args[2:] {
			conn.WriteInt(1)
		}
	default:
		conn.WriteError("ERR unknown command `" + string(args[0]) + "`")
	}
}

// TestFlushedWhileLoading: a marker that is there without the others would be a lie, so they are asked for and loaded again.
func TestFlushedWhileLoading(t *testing.T) {
	var loads, asked atomic.Int32
	var never atomic.Bool
	addr := fake(t, func(conn redcon.Conn, name string, args [][]byte) {
		if name == "script load" {
			loads.Add(1)
		}
		if name == "script exists" && (asked.Add(1) == 1 || never.Load()) {
			conn.WriteArray(len(args) - 2)
			for i := range args[2:] {
				conn.WriteInt(i & 1)
			}
			return
		}
		plain(conn, name, args)
	})
	p, states := plane(t, Options{Addr: addr, Interval: time.Hour})
	st := await(t, states, "connected", connected)
	texts := len(st.Registry.Texts(&st.Upstream))
	if n := int(loads.Load()); !st.Upstream.Scripts || asked.Load() != 2 || n != 2*texts+2 {
		t.Errorf("%+v after %d questions and %d loads", st.Upstream, asked.Load(), n)
	}
	if st.UnknownQuote != '`' || st.Version != "" || st.Commands != nil {
		t.Errorf("%+v", st)
	}
	never.Store(true)
	done := make(chan error, 1)
	p.LoadScripts(func(err error) { done <- err })
	if err := <-done; err != nil || !p.State().Upstream.Scripts {
		t.Errorf("scripts that are always flushed are loaded one by one when they are missed; got %v, %+v", err, p.State().Upstream)
	}
}

// TestWrongSHA: a server that gives a script another name than its SHA1 can't be called by it.
func TestWrongSHA(t *testing.T) {
	addr := fake(t, func(conn redcon.Conn, name string, args [][]byte) {
		if name == "script load" {
			conn.WriteBulkString(strings.Repeat("0", 40))
			return
		}
		plain(conn, name, args)
	})
	_, states := plane(t, Options{Addr: addr, Interval: time.Hour})
	st := await(t, states, "connected", connected)
	if st.Upstream.Scripts || !strings.Contains(st.Upstream.Reason, "SHA1") {
		t.Errorf("%+v", st.Upstream)
	}
}

// TestNotServing: a server that loads its data answers, but does not serve.
func TestNotServing(t *testing.T) {
	for _, text := range []string{"LOADING Redis is loading the dataset in memory", "MASTERDOWN x", "DENIED Redis is running in protected mode", "ERR max number of clients reached"} {
		var over atomic.Bool
		addr := fake(t, func(conn redcon.Conn, name string, args [][]byte) {
			if !over.Load() {
				conn.WriteError(text)
				return
			}
			plain(conn, name, args)
		})
		_, states := plane(t, Options{Addr: addr})
		await(t, states, "told why", func(s *State) bool { return !s.Connected && strings.Contains(s.Reason, text) })
		over.Store(true)
		await(t, states, "connected", connected)
		over.Store(false)
		await(t, states, "lost", func(s *State) bool { return !s.Connected })
	}
}

// TestEvilUpstream: what is no RESP, or asks for more memory than there is, ends the connection and nothing else.
func TestEvilUpstream(t *testing.T) {
	for _, evil := range []string{"$9223372036854775807\r\n", "*9223372036854775807\r\n", "$-2\r\n", "!\r\n", "\r\n\r\n", ":x\r\n", "HTTP/1.1 400\r\n", strings.Repeat("*1\r\n", 10000) + ":1\r\n"} {
		for _, only := range []string{"ping", "command", "script load", "script exists", "info"} {
			var over atomic.Bool
			addr := fake(t, func(conn redcon.Conn, name string, args [][]byte) {
				if name == only && !over.Load() {
					conn.WriteRaw([]byte(evil))
					return
				}
				plain(conn, name, args)
			})
			p, states := plane(t, Options{Addr: addr, DialTimeout: 200 * time.Millisecond})
			select {
			case <-states:
			case <-time.After(20 * time.Second):
				t.Fatalf("%.20q to %s: no state", evil, only)
			}
			over.Store(true)
			for deadline := time.Now().Add(20 * time.Second); !p.State().Connected; time.Sleep(5 * time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatalf("%.20q to %s: does not recover", evil, only)
				}
			}
			p.Close()
		}
	}
}

// TestCloseWhileWaiting: a server that never answers keeps nobody from closing.
func TestCloseWhileWaiting(t *testing.T) {
	asked := make(chan struct{}, 100)
	addr := fake(t, func(conn redcon.Conn, name string, _ [][]byte) {
		conn.Detach()
		asked <- struct{}{}
	})
	p, _ := plane(t, Options{Addr: addr, DialTimeout: time.Hour})
	<-asked
	done := make(chan error, 1)
	p.LoadScripts(func(err error) { done <- err })
	p.Close()
	if err := <-done; err == nil {
		t.Error("LoadScripts succeeds with nobody")
	}
}
