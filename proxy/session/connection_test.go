package session_test

import (
	"fmt"
	"strings"
	"testing"
)

// TestReset: RESET makes of a session what a new one is, whatever it was before
// and whatever else is in flight.
func TestReset(t *testing.T) {
	for name, tt := range map[string]struct {
		before []string
		want   string // of before, up to the RESET
	}{
		"fresh":              {nil, ""},
		"db, name, protocol": {[]string{"SELECT 3", "CLIENT SETNAME x"}, "+OK|+OK|"},
		"watching":           {[]string{"WATCH a"}, "+OK|"},
		"in MULTI":           {[]string{"MULTI", "SET k 1"}, "+OK|+QUEUED|"},
		"raw":                {[]string{"MODSTATE"}, "+OK|"},
		"raw, an error":      {[]string{"MODSTATE", "SELECT 3", "NOSUCH", "GET"}, "+OK|+OK|-ERR unknown command 'NOSUCH', with args beginning with: |-ERR wrong number of arguments for 'get' command|"},
		"raw, a refusal":     {[]string{"MODSTATE", "eval x 0"}, "+OK|" + evalText},
		"subscribed":         {[]string{"SUBSCRIBE c", "eval x 0"}, "*3|$9|subscribe|$1|c|:1|" + evalText},
		"silent":             {[]string{"CLIENT REPLY OFF", "NOSUCH"}, ""},
	} {
		for _, atOnce := range []bool{true, false} {
			t.Run(fmt.Sprint(name, atOnce), func(t *testing.T) {
				r := calmRig()
				c := r.client(t)
				after := []string{"RESET", "GET k", "CLIENT ID", "CLIENT GETNAME", "MULTI", "GET k", "EXEC"}
				want := fmt.Sprintf("+RESET|$-1|:%d|$-1|+OK|+QUEUED|*1|$-1|", 1<<40+1)
				if atOnce {
					c.send(append(tt.before, after...)...)
					r.run()
					c.want(tt.want + want)
				} else {
					c.do(tt.want, tt.before...)
					c.do(want, after...)
				}
				r.end(t, c)
			})
		}
	}
}

// TestResetLocks: behind RESET a client is one that has not authenticated.
func TestResetLocks(t *testing.T) {
	r := lockedRig()
	c := r.client(t)
	c.do("+OK|$-1|+RESET|"+noAuthText+noAuthText+"+OK|:0|", "AUTH secret", "GET k", "RESET", "GET k", "PURGE k*", "AUTH secret", "PURGE k*")
	c.do("+OK|+RESET|"+noAuthText+"+OK|$-1|", "WATCH a", "RESET", "PURGE k*", "AUTH secret", "GET k")
	r.end(t, c)
}

// TestResetForgedByMessage: a message that looks like RESET's reply is none.
func TestResetForgedByMessage(t *testing.T) {
	r := calmRig()
	c, other := r.client(t), r.client(t)
	c.do("*3|$9|subscribe|$1|c|:1|", "SUBSCRIBE c")
	c.s.Congested(true) // so that the message is still on its way
	other.send("PUBLISH c x\r\n+RESET")
	other.want(":1|")
	c.send("RESET", "ECHO a")
	r.run()
	c.s.Congested(false)
	r.run()
	c.want("*3|$7|message|$1|c|$9|x|+RESET|+RESET|$1|a|")
	r.end(t, c, other)
}

// TestWaitGoesToTheWrite: WAIT is asked where the last write went, also behind a
// transaction elsewhere, and is queued like any command within one.
func TestWaitGoesToTheWrite(t *testing.T) {
	r := calmRig()
	c := r.client(t)
	c.do("+OK|", "SET k 1 ~1.1.0")
	c.send("WATCH w", "MULTI", "ECHO x", "DISCARD", "WAIT 0 0 ~1.2.0", "ECHO y")
	for range 3 {
		r.run()
	}
	c.want("+OK|+OK|+QUEUED|+OK|:0|$1|y|")
	write, wait := r.srv.Records["~1.1.0"], r.srv.Records["~1.2.0"]
	if write == nil || wait == nil || write.Conn != wait.Conn {
		t.Errorf("the write %+v, WAIT %+v", write, wait)
	}
	c.do("+OK|+OK|+QUEUED|*1|:0|", "WATCH w", "MULTI", "WAIT 0 0", "EXEC")
	c.do("+OK|+OK|+QUEUED|*1|:0|", "SELECT 1", "MULTI", "WAIT 0 0", "EXEC")
	r.end(t, c)
}

// TestManyArguments: a command of very many arguments is taken wherever the
// network has cut it.
func TestManyArguments(t *testing.T) {
	const n = 300_000
	frame := fmt.Sprintf("*%d\r\n$3\r\nDEL\r\n", n) + strings.Repeat("$1\r\nk\r\n", n-1)
	for _, cut := range []int{9, 12, 14, 18, 23, 25, 30, 1 << 20} {
		r := calmRig()
		c := r.client(t)
		c.do("+OK|", "SET k 1")
		c.bytes(frame[:cut])
		r.run()
		c.inPieces(frame[cut:], 60_000)
		c.want(":1|")
		r.end(t, c)
	}
}
