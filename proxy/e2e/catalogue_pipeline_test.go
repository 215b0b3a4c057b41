package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/atomicproxy/atomicproxy/proxy/internal/redistest"
)

// conversation has commands of the catalogue among native ones. Each reply depends on what came before, and on nothing else.
var conversation = strings.Split(`CL.THROTTLE rate 0 1 100000 2
CL.THROTTLE rate 5 0 1
ZADD due 1 a 2 b 3 c
ZPOPBYSCORE due -inf 1 LIMIT 5
ZPOPBYSCORE due -inf 1
ZPOPBYSCORE due x 1
ZMOVEBYSCORE due running -inf 2 60
ZRANGE running 0 -1 WITHSCORES
LOCK job me PX 100000 FENCE fence
LOCK job me PX 200000 FENCE fence
GET fence
UNLOCK job you
UNLOCK job me
UNLOCK job me
LOCK job me PX 0
SEM.ACQUIRE pool me LIMIT 1 PX 100000
SEM.ACQUIRE pool me LIMIT 1 PX 200000
SEM.RELEASE pool you
SEM.RELEASE pool me
HSET order state new
HCAS order state new paid by me
HCAS order state new paid
HCAS nothing state new paid
HGETALL order
EXSET doc one
EXSET doc two VER 1
EXSET doc three VER 1
EXSET doc three NX
EXGET doc
EXGET nothing
EXCAS doc three 2
EXCAS doc four 2
EXCAS nothing four 2
EXCAD doc 2
EXCAD doc 3
XADD log 5-1 f v
XAPPEND log EXPECT 5-0 f v
XAPPEND log EXPECT 5- f v
XLEN log
HCAS due state new paid
DBSIZE`, "\n")

// TestCatalogueTogether: in a pipeline, in a transaction sent whole, in one that waits for each reply, and in a pipeline of
// such, each command of the catalogue answers as it does alone.
func TestCatalogueTogether(t *testing.T) {
	redistest.Each(t, func(t *testing.T, s *redistest.Server) {
		r := startReady(t, before(s))
		for _, proto := range []string{"2", "3"} {
			c := r.dial(t)
			c.do("HELLO", proto)
			fresh := func() { c.do("FLUSHALL") }
			fresh()
			var alone []string
			all := ""
			for _, line := range conversation {
				alone = append(alone, c.do(strings.Fields(line)...))
				all += redistest.Command(strings.Fields(line)...)
			}
			together := fmt.Sprintf("*%d\r\n%s", len(alone), strings.Join(alone, ""))

			fresh()
			c.send(all)
			for i, line := range conversation {
				c.want("in a pipeline", line, alone[i])
			}
			fresh()
			c.send(redistest.Command("MULTI") + all + redistest.Command("EXEC"))
			c.want("in a transaction", "MULTI", "+OK\r\n")
			for _, line := range conversation {
				c.want("in a transaction", line, "+QUEUED\r\n")
			}
			c.want("in a transaction", "EXEC", together)
			fresh()
			c.do("MULTI")
			for _, line := range conversation {
				if got := c.do(strings.Fields(line)...); got != "+QUEUED\r\n" {
					t.Errorf("%s after MULTI: %q", line, got)
				}
			}
			if got := c.do("EXEC"); got != together {
				t.Errorf("RESP%s, EXEC after a conversation:\n got %q\nwant %q", proto, got, together)
			}
		}
	})
}

func (c *client) send(b string) {
	c.tb.Helper()
	if err := c.Send(b); err != nil {
		c.tb.Fatal(err)
	}
}

// want receives the reply to a command that was sent.
func (c *client) want(where, line, reply string) {
	c.tb.Helper()
	got, err := c.Receive()
	if err != nil || got != reply {
		c.tb.Errorf("%s, %s:\n got %q, %v\nwant %q", where, line, got, err, reply)
	}
}
