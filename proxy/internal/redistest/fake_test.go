package redistest

import "testing"

func TestFake(t *testing.T) {
	s := Start(t)
	addr := Fake(t, s.Addr, func(c *FakeConn, args []string) string {
		switch args[0] {
		case "LIE":
			return "+lie\r\n"
		case "BYE":
			c.Close()
			return "+bye\r\n"
		}
		return c.Forward(args...)
	})
	c := Dial(t, addr)
	for _, step := range [][2]string{{"LIE", "+lie\r\n"}, {"PING", "+PONG\r\n"}, {"BYE", "+bye\r\n"}} {
		if got := c.Do(step[0]); got != step[1] {
			t.Errorf("%s: %q, want %q", step[0], got, step[1])
		}
	}
	if got, err := c.Call("PING"); err == nil {
		t.Errorf("after BYE: %q", got)
	}
}
