package e2e

import (
	"strings"
	"testing"
)

// TestRaceXAPPEND: of all that expect the same id one wins, and the entries are a chain in which each expected the one before.
func TestRaceXAPPEND(t *testing.T) {
	const length = 100
	h, after := race(t, func(c *contender) {
		last := "0-0"
		for {
			got := c.call("XAPPEND log EXPECT %s expected %s by %d", last, last, c.id)[0]
			if got != "nil" {
				last = got
			} else if entry := c.call("XREVRANGE log + - COUNT 1"); len(entry) > 0 {
				last = entry[0]
			}
			if c.number(c.call("XLEN log")[0]) >= length {
				return
			}
		}
	})
	entries := after.call("XRANGE log - +")
	expected := "0-0"
	for i := 0; i < len(entries); i += 5 {
		if entries[i+2] != expected {
			t.Fatalf("the entry %v follows %s", entries[i:i+5], expected)
		}
		expected = entries[i]
	}
	h.thin(func(in, out []string) bool { return in[0] != "XAPPEND" || out[0] == "nil" })
	h.linearizable(t, "0-0 0", func(state string, in, out []string) (bool, string) {
		last, length, _ := strings.Cut(state, " ")
		switch in[0] {
		case "XAPPEND":
			if in[3] != last {
				return out[0] == "nil", state
			}
			return out[0] != "nil", out[0] + " " + plus(length, 1)
		case "XLEN":
			return out[0] == length, state
		default: // XREVRANGE
			return len(out) == 0 && last == "0-0" || len(out) > 0 && out[0] == last, state
		}
	})
}

// TestRaceHCAS: of all transitions from a state one happens, and what goes with it is that one's.
func TestRaceHCAS(t *testing.T) {
	const transitions = 100
	h, after := race(t, func(c *contender) {
		if c.id == 0 {
			c.call("HSET m state 0 by nobody")
		}
		for {
			seen := c.call("HMGET m state by")
			if seen[0] == "nil" {
				continue
			}
			if seen[0] == plus("0", transitions) {
				return
			}
			c.call("HCAS m state %s %s by %d", seen[0], plus(seen[0], 1), c.id)
		}
	})
	if got := after.call("HGET m state"); got[0] != plus("0", transitions) {
		t.Errorf("the last state is %v", got)
	}
	h.thin(func(in, out []string) bool { return in[0] == "HMGET" || in[0] == "HCAS" && out[0] != "1" })
	h.linearizable(t, "nil nil", func(state string, in, out []string) (bool, string) {
		now, by, _ := strings.Cut(state, " ")
		switch in[0] {
		case "HSET":
			return true, "0 nobody"
		case "HMGET":
			return out[0] == now && out[1] == by, state
		}
		switch now {
		case "nil":
			return out[0] == "-1", state
		case in[3]:
			return out[0] == "1", in[4] + " " + in[6]
		}
		return out[0] == "0", state
	})
}

// TestRaceEXCAS: a counter of versioned values loses nothing, and a failed EXCAS tells the value that there is.
func TestRaceEXCAS(t *testing.T) {
	const each = 6
	h, after := race(t, func(c *contender) {
		got := c.call("EXGET counter")
		for done := 0; done < each; {
			if got[0] == "nil" {
				c.call("EXSET counter 0 NX")
				got = c.call("EXGET counter")
				continue
			}
			value, version := got[len(got)-2], got[len(got)-1]
			if got = c.call("EXCAS counter %s %s", plus(value, 1), version); got[0] == "OK" {
				done++
				got = c.call("EXGET counter")
			}
		}
	})
	if got := after.call("EXGET counter"); got[0] != plus("0", each*contenders) || got[1] != plus("1", each*contenders) {
		t.Errorf("the counter is at %v", got)
	}
	h.thin(func(in, out []string) bool { return out[0] != "OK" })
	h.linearizable(t, "nil 0", func(state string, in, out []string) (bool, string) {
		value, version, _ := strings.Cut(state, " ")
		switch in[0] {
		case "EXGET":
			return out[0] == value && (value == "nil" || out[1] == version), state
		case "EXSET": // NX
			if value != "nil" {
				return out[0] == "nil", state
			}
			return out[0] == "OK", in[2] + " 1"
		}
		if in[3] != version {
			return out[0] == "CAS_FAILED" && out[1] == value && out[2] == version, state
		}
		version = plus(version, 1)
		return out[0] == "OK" && out[2] == version, in[2] + " " + version
	})
}
