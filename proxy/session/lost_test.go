package session_test

import (
	"testing"
	"time"

	"github.com/atomicproxy/atomicproxy/proxy/session"
)

// TestLostState tries, state by state, what a client learns when the upstream
// connection that held the state is lost.
func TestLostState(t *testing.T) {
	tests := map[string]struct {
		before []string // answered before the loss
		during []string // in flight when it comes
		lost   string   // what the client is told about those
		after  []string
		want   string
		closed session.Reason
		ran    string // what GET k shows at the end, "" for none
	}{
		"nothing, a write":       {during: []string{"SET k 1"}, lost: uncertainText, after: []string{"PING"}, want: "+PONG|"},
		"nothing, a read":        {during: []string{"GET k"}, lost: "$-1|", after: []string{"PING"}, want: "+PONG|"},
		"db":                     {before: []string{"SELECT 3", "SET d 3"}, after: []string{"GET d"}, want: "$1|3|"},
		"protocol":               {before: []string{"HELLO 3"}, after: []string{"GET none"}, want: "_|"},
		"name":                   {before: []string{"CLIENT SETNAME joe"}, after: []string{"CLIENT GETNAME"}, want: "$3|joe|"},
		"watch":                  {before: []string{"WATCH w"}, after: []string{"MULTI", "SET k 1", "EXEC", "GET k"}, want: "+OK|+QUEUED|*-1|$-1|"},
		"watch, RESP3":           {before: []string{"HELLO 3", "WATCH w"}, after: []string{"MULTI", "SET k 1", "EXEC", "GET k"}, want: "+OK|+QUEUED|_|_|"},
		"watch in db 2":          {before: []string{"SELECT 2", "SET d 2", "WATCH w"}, after: []string{"MULTI", "EXEC", "GET d"}, want: "+OK|*-1|$1|2|"},
		"watch, once null":       {before: []string{"WATCH w"}, after: []string{"MULTI", "EXEC", "MULTI", "SET k 1", "EXEC"}, want: "+OK|*-1|+OK|+QUEUED|*1|+OK|", ran: "1"},
		"watch, an error queued": {before: []string{"WATCH w"}, after: []string{"MULTI", "NOSUCH", "EXEC"}, want: "+OK|-ERR unknown command 'NOSUCH', with args beginning with: |" + abortText},
		"watch, a refusal":       {before: []string{"WATCH w"}, after: []string{"MULTI", "eval 1 0", "EXEC"}, want: "+OK|" + evalText + abortText},
		"watch, discarded":       {before: []string{"WATCH w"}, after: []string{"MULTI", "DISCARD", "MULTI", "SET k 1", "EXEC"}, want: "+OK|+OK|+OK|+QUEUED|*1|+OK|", ran: "1"},
		"watch, unwatched":       {before: []string{"WATCH w"}, after: []string{"UNWATCH", "MULTI", "SET k 1", "EXEC"}, want: "+OK|+OK|+QUEUED|*1|+OK|", ran: "1"},
		"watch, stray exec":      {before: []string{"WATCH w"}, after: []string{"EXEC", "MULTI", "SET k 1", "EXEC"}, want: "-ERR EXEC without MULTI|+OK|+QUEUED|*-1|"},
		"watch in flight":        {during: []string{"WATCH w"}, lost: uncertainText, after: []string{"MULTI", "SET k 1", "EXEC"}, want: "+OK|+QUEUED|*-1|"},
		"multi":                  {before: []string{"MULTI", "SET k 1"}, after: []string{"SET k 2", "EXEC", "GET k"}, want: "+QUEUED|" + abortText + "$-1|"},
		"multi, discarded":       {before: []string{"MULTI", "SET k 1"}, after: []string{"SET k 2", "DISCARD", "GET k"}, want: "+QUEUED|+OK|$-1|"},
		"multi, nested":          {before: []string{"MULTI", "SET k 1"}, after: []string{"MULTI", "EXEC"}, want: "-ERR MULTI calls can not be nested|" + abortText},
		"multi, refusal":         {before: []string{"MULTI", "SET k 1"}, after: []string{"eval 1 0", "PURGE x", "EXEC", "PING"}, want: evalText + "+QUEUED|" + abortText + "+PONG|"},
		"multi, reset":           {before: []string{"MULTI", "SET k 1"}, after: []string{"RESET", "GET k"}, want: "+RESET|$-1|"},
		"multi, quit":            {before: []string{"MULTI", "SET k 1"}, after: []string{"QUIT"}, want: "+OK|", closed: session.ClientQuit},
		"multi in flight":        {before: []string{"WATCH w"}, during: []string{"MULTI", "SET k 1"}, lost: "+OK|+QUEUED|", after: []string{"SET k 2", "EXEC", "GET k"}, want: "+QUEUED|" + abortText + "$-1|"},
		"exec in flight":         {before: []string{"WATCH w", "MULTI", "SET k 1"}, during: []string{"EXEC"}, lost: uncertainText, after: []string{"PING"}, want: "+PONG|"},
		"whole in flight":        {during: []string{"MULTI", "SET k 1", "EXEC"}, lost: "+OK|+QUEUED|" + uncertainText, after: []string{"PING"}, want: "+PONG|"},
		"blocked":                {during: []string{"BLPOP l 0"}, lost: uncertainText, after: []string{"PING"}, want: "+PONG|"},
		"subscribed":             {before: []string{"SUBSCRIBE c"}, closed: session.UpstreamLost},
		"unlisted command":       {before: []string{"MODSTATE x"}, closed: session.UpstreamLost},
		"sticky by exec":         {before: []string{"WATCH w", "MULTI", "SELECT 2", "EXEC"}, closed: session.UpstreamLost},
		"offset of the write":    {before: []string{"SET o 1"}, after: []string{"WAIT 0 0"}, want: "-UNCERTAIN the connection of the last write is not there any more, or the writes went over several; how far they were replicated is not known|"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := calmRig()
			c := r.client(t)
			c.do("+PONG|+OK|+OK|", "PING", "WATCH other", "UNWATCH") // connects both links
			for _, line := range tt.before {
				c.send(line)
				r.run()
			}
			c.got()
			if len(tt.during) > 0 {
				r.srv.Stall(true)
				c.send(tt.during...)
				r.run()
			}
			r.lose()
			if tt.closed != "" && len(tt.after) == 0 {
				c.wantClosed(tt.closed)
				r.end(t, c)
				return
			}
			r.w.RunFor(100 * time.Millisecond) // until it is connected again
			c.want(tt.lost)
			c.do(tt.want, tt.after...)
			if tt.closed != "" {
				c.wantClosed(tt.closed)
			}
			if v, _ := r.srv.Get(0, "k"); v != tt.ran {
				t.Errorf("k is %q, want %q", v, tt.ran)
			}
			r.end(t, c)
		})
	}
}

// TestLostWithMoreToCome loses a transaction whose next command waits for
// something: it must not run by itself afterwards.
func TestLostWithMoreToCome(t *testing.T) {
	for name, line := range map[string]string{
		"a scan behind a scan": "PURGE b*",
		"a long command":       "SET b1 " + string(make([]byte, 1<<20+10)),
	} {
		t.Run(name, func(t *testing.T) {
			r := calmRig()
			c := r.client(t)
			c.do("+OK|", "SET b1 x")
			c.do("+OK|", "WATCH w")
			c.do("+OK|", "MULTI")
			r.srv.Stall(true)
			c.send("PURGE a*", line)
			r.run()
			r.lose()
			r.w.RunFor(100 * time.Millisecond)
			c.want("+QUEUED|+QUEUED|")
			c.do(abortText, "EXEC")
			if v, _ := r.srv.Get(0, "b1"); v != "x" {
				t.Errorf("b1 is %.20q: a command of a lost transaction ran", v)
			}
			r.end(t, c)
		})
	}
}

// TestExpiry: what waits longer than Env.Wait for an upstream that is not there
// is answered, in order, and what comes later is served.
func TestExpiry(t *testing.T) {
	r := calmRig()
	r.srv.Deaf = true
	c := r.client(t)
	c.send("SET k 1", "eval 1 0", "GET k", "WATCH w", "MULTI", "SET k 2", "EXEC")
	r.w.RunFor(r.up.Wait - 10*time.Millisecond)
	if got := c.got(); got != "" {
		t.Errorf("before the time: %q", got)
	}
	r.w.RunFor(4 * r.up.Wait)
	if got := c.got(); len(got) == 0 {
		t.Errorf("nothing was answered: %s", c.s.Dump())
	}
	r.srv.Deaf = false
	r.w.RunFor(5 * time.Second)
	c.got()
	c.do("$-1|", "GET k")
	r.end(t, c)
}

// TestExpiredMulti: a transaction whose beginning was given up must not run in
// part when the upstream comes back.
func TestExpiredMulti(t *testing.T) {
	r := calmRig()
	c := r.client(t)
	c.do("+OK|", "WATCH w")
	r.srv.Die(false)
	r.w.RunFor(10 * time.Millisecond)
	c.send("MULTI")
	r.w.RunFor(r.up.Wait - 2*time.Millisecond)
	c.send("SET k 1", "EXEC")
	r.w.RunFor(10 * time.Millisecond) // MULTI is given up
	r.srv.Restart()
	r.w.RunFor(5 * time.Second)
	if v, ok := r.srv.Get(0, "k"); ok {
		t.Errorf("k is %q: the client was told %q", v, c.got())
	}
	r.end(t, c)
}

// TestIdentityGone: a user whose password was changed loses the connections that
// have to be made again.
func TestIdentityGone(t *testing.T) {
	r := calmRig()
	r.srv.Users["ann"] = "one"
	c := r.client(t)
	c.do("+OK|", "AUTH ann one")
	c.do("+OK|", "WATCH w")
	r.srv.Users["ann"] = "two"
	c.do("$-1|", "GET k") // what is connected stays
	r.lose()
	r.w.RunFor(time.Second)
	c.wantClosed(session.UpstreamDenied)
	r.end(t, c)
}
