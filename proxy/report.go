package proxy

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/atomicproxy/atomicproxy/proxy/session"
)

// reportWait bounds how long PROXY waits for loops that do not answer.
const reportWait = time.Second

// report puts a report of PROXY together, away from the loop w, on which done is
// called.
func (w *worker) report(r session.Report, done func(text string)) {
	// A loop asks, so running is not zero and Close still waits for this.
	w.srv.running.Go(func() {
		var text string
		switch r {
		case session.ReportClients:
			text = w.srv.clientLines()
		case session.ReportCommands:
			text = w.srv.commandLines()
		default:
			text = w.srv.infoText()
		}
		w.loop.Post(func() { done(text) })
	})
}

// clientLines lists the clients of all loops, a line for each.
func (s *Server) clientLines() string {
	lines := make(chan []byte, len(s.workers))
	asked, missing := 0, 0
	for _, w := range s.workers {
		if w.loop.Post(func() { lines <- w.clientLines() }) {
			asked++
		}
	}
	var out strings.Builder
	timeout := time.After(reportWait)
	for ; asked > 0; asked-- {
		select {
		case b := <-lines:
			out.Write(b)
		case <-timeout:
			missing, asked = asked, 1
		}
	}
	if missing > 0 {
		fmt.Fprintf(&out, "# event loops that did not answer: %d\n", missing)
	}
	return out.String()
}

// clientLines lists the clients of one loop, on it.
func (w *worker) clientLines() []byte {
	var b []byte
	for c := w.clients.next; c != &w.clients; c = c.next {
		b = c.sess.AppendClient(b, c.conn.RemoteAddr(), time.Duration(w.loop.Now()-c.since))
	}
	return b
}

// commandLines lists the catalogue: each script with its names, and whether the
// command is ours or the upstream's.
func (s *Server) commandLines() string {
	t := s.table.Load()
	used := "plain"
	if t.Upstream.Shebang {
		used = "shebang"
	}
	var out strings.Builder
	for _, c := range t.Registry.Commands() {
		origin := "ours"
		if t.Native(c.Name()) {
			origin = "native"
		}
		for _, n := range c.Scripts() {
			fmt.Fprintf(&out, "name=%s origin=%s script=%s sha1=%s sha1-shebang=%s loaded=%s retry=%s\n",
				c.Name(), origin, n.Script, n.Plain, n.Shebang, used, c.Spec().Retry)
		}
	}
	return out.String()
}

// infoText is about the whole proxy, in the form of Redis's INFO.
func (s *Server) infoText() string {
	var b strings.Builder
	section := func(name string, fields ...any) {
		if b.Len() > 0 {
			b.WriteString("\r\n")
		}
		fmt.Fprintf(&b, "# %s\r\n", name)
		for i := 0; i < len(fields); i += 2 {
			fmt.Fprintf(&b, "%s:%v\r\n", fields[i], fields[i+1])
		}
	}
	var n LoopStats
	for _, l := range s.Snapshot().Loops {
		n.add(&l)
	}
	up := time.Since(s.started)
	section("Proxy", "proxy_version", s.version, "process_id", os.Getpid(), "uptime_in_seconds", int(up.Seconds()),
		"uptime_in_days", int(up.Hours()/24), "loops", s.loops, "multiplex", yesNo(s.cfg.Multiplex),
		"raw_lua", s.cfg.RawLua)
	section("Clients", "connected_clients", n.Clients, "maxclients", s.cfg.Client.Max, "total_connections_received", n.Accepted,
		"total_net_input_bytes", n.BytesIn, "total_net_output_bytes", n.BytesOut)
	c := &n.Commands
	section("Commands", "forwarded", c.Forwarded, "pinned", c.Pinned, "custom", c.Custom, "answered_by_proxy", c.Local,
		"refused", c.Refused, "in_flight", n.InFlight, "handler_panics", n.Panics)
	st, registry := s.plane.State(), s.table.Load().Registry
	learned, overflow := s.learner.counts()
	section("Upstream", "upstream", s.target.String(), "upstream_connected", yesNo(st.Connected), "upstream_reason", st.Reason,
		"upstream_server", st.Server, "upstream_version", st.Version, "upstream_run_id", st.RunID,
		"connections_shared", n.Upstreams.Shared, "connections_pinned", n.Upstreams.Pinned, "connections_free", n.Upstreams.Free,
		"connections_connecting", n.Upstreams.Connecting, "connections_lost", n.Reconnects,
		"upstream_net_input_bytes", n.UpstreamBytesIn, "upstream_net_output_bytes", n.UpstreamBytesOut)
	section("Scripts", "scripts_available", yesNo(st.Upstream.Scripts), "scripts_reason", st.Upstream.Reason,
		"scripts_shebang", yesNo(st.Upstream.Shebang), "scripts_acl_check", yesNo(st.Upstream.ACLCheck),
		"catalogue_commands", len(registry.Commands()), "application_scripts", registry.Applications(),
		"learned", learned, "learned_overflow", overflow)
	return b.String()
}

// add sums what infoText shows.
func (s *LoopStats) add(o *LoopStats) {
	s.Clients += o.Clients
	s.Accepted += o.Accepted
	s.InFlight += o.InFlight
	s.Commands.Forwarded += o.Commands.Forwarded
	s.Commands.Pinned += o.Commands.Pinned
	s.Commands.Custom += o.Commands.Custom
	s.Commands.Local += o.Commands.Local
	s.Commands.Refused += o.Commands.Refused
	s.Upstreams.Connecting += o.Upstreams.Connecting
	s.Upstreams.Shared += o.Upstreams.Shared
	s.Upstreams.Pinned += o.Upstreams.Pinned
	s.Upstreams.Free += o.Upstreams.Free
	s.Reconnects += o.Reconnects
	s.Panics += o.Panics
	s.BytesIn += o.BytesIn
	s.BytesOut += o.BytesOut
	s.UpstreamBytesIn += o.UpstreamBytesIn
	s.UpstreamBytesOut += o.UpstreamBytesOut
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
