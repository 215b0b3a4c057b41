package difftest

import (
	"fmt"
	"testing"

	"github.com/atomicproxy/atomicproxy/proxy/internal/redistest"
)

// TestInstrumentFindsLies puts something before the second server that changes a reply here and there.
func TestInstrumentFindsLies(t *testing.T) {
	s := redistest.StartProgram(t, redistest.Programs(t)[0], serverArgs(redistest.Programs(t)[0])...)
	d := newDuel(t, s, func(t *testing.T, upstream string) string {
		return redistest.Fake(t, upstream, func(c *redistest.FakeConn, args []string) string {
			reply := c.Forward(args...)
			switch args[0] {
			case "GET":
				return "$12\r\nHello, World\r\n"
			case "STRLEN":
				return "" // a reply missing
			case "TTL":
				return reply + reply // one too many
			case "EXISTS":
				return "_\r\n" // another type
			case "HGETALL":
				c.Close()
			}
			return reply
		})
	})
	for i, call := range []struct {
		args []string
		want bool
	}{
		{[]string{"GET", "string"}, true}, {[]string{"STRLEN", "string"}, true}, {[]string{"TTL", "string"}, true},
		{[]string{"EXISTS", "string"}, true}, {[]string{"HGETALL", "hash"}, true}, {[]string{"LRANGE", "list", "0", "-1"}, false},
		{[]string{"NOSUCH"}, false}, {[]string{"KEYS", "*"}, false},
	} {
		wire, nonce := redistest.Command(call.args...), fmt.Sprintf("nonce-%d", i)
		want, got := d.direct.play(t, wire, nonce), d.proxied.play(t, wire, nonce)
		if found := d.difference(nameOf(call.args), call.args, want, got); (found != "") != call.want {
			t.Errorf("%q: difference %q, want one: %v", call.args, found, call.want)
		}
	}
}
