package commands

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"
)

// cell is redis-cell 0.5's arithmetic on whole microseconds, in integers of any size.
type cell struct {
	paid *big.Int // nil: no key
}

type rate struct{ burst, count, period, quantity int64 }

const (
	zeroRate  = "-ERR Zero rates are not supported"
	fastRate  = "-ERR rates above one per microsecond are not supported"
	tooLarge  = "-ERR value is beyond 2^53, which needs a server with this command built in"
	million   = 1_000_000
	mostExact = 1<<53 - 1
)

// throttle is a call at that time. It returns the reply, and for how long the key lives, in microseconds; nil: nothing is
// written.
func (c *cell) throttle(r rate, at int64) (reply string, ttl *big.Int) {
	if r.count == 0 || r.period == 0 {
		return zeroRate, nil
	}
	n := big.NewInt
	most, now, limit := n(mostExact), n(at), new(big.Int).Add(n(r.burst), n(1))
	period := new(big.Int).Mul(n(r.period), n(million))
	emission := new(big.Int).Quo(period, n(r.count))
	if emission.Sign() == 0 {
		return fastRate, nil
	}
	tolerance := new(big.Int).Mul(emission, limit)
	if period.Cmp(most) > 0 || tolerance.Cmp(most) > 0 {
		return tooLarge, nil
	}
	paid := now
	if c.paid != nil && c.paid.Cmp(now) > 0 {
		paid = c.paid
	}
	increment := new(big.Int).Mul(emission, n(r.quantity))
	after := new(big.Int).Add(paid, increment)
	limited, retry, left := 1, int64(-1), new(big.Int).Sub(paid, now)
	if increment.Cmp(tolerance) <= 0 {
		if after.Cmp(most) > 0 {
			return tooLarge, nil
		}
		if wait := new(big.Int).Sub(new(big.Int).Sub(after, tolerance), now); wait.Sign() > 0 {
			retry = roundedUp(wait)
		} else {
			limited, left = 0, new(big.Int).Sub(after, now)
			if r.quantity > 0 {
				c.paid, ttl = after, left
			}
		}
	}
	remaining := new(big.Int).Sub(tolerance, left)
	if remaining.Sign() < 0 {
		remaining.SetInt64(0) // redis-cell's division goes towards zero, and what is a whole interval below it is 0
	}
	remaining.Quo(remaining, emission)
	return fmt.Sprintf("[:%d :%s :%s :%d :%d]", limited, limit, remaining, retry, roundedUp(left)), ttl
}

// roundedUp is whole seconds, one more if there is a whole millisecond beyond them.
func roundedUp(us *big.Int) int64 {
	s, rest := new(big.Int).QuoRem(us, big.NewInt(million), new(big.Int))
	if rest.Int64() >= 1000 {
		return s.Int64() + 1
	}
	return s.Int64()
}

// fixedTime runs CL.THROTTLE's script without a server, at a time of the test's choice.
type fixedTime struct {
	t      *testing.T
	now    int64
	stored string // "": no key
	px     string
	text   string
}

func (f *fixedTime) call(r rate) string {
	l := lua.NewState()
	defer l.Close()
	keys, argv, redis := l.NewTable(), l.NewTable(), l.NewTable()
	keys.Append(lua.LString("k"))
	for _, n := range []int64{r.burst, r.count, r.period, 1, r.quantity} {
		argv.Append(lua.LString(strconv.FormatInt(n, 10)))
	}
	l.SetGlobal("KEYS", keys)
	l.SetGlobal("ARGV", argv)
	l.SetGlobal("redis", redis)
	redis.RawSetString("pcall", l.NewFunction(f.pcall))
	redis.RawSetString("error_reply", l.NewFunction(func(l *lua.LState) int { l.Push(errorTable(l, l.CheckString(1))); return 1 }))
	if err := l.DoString(f.text); err != nil {
		f.t.Fatal(err)
	}
	reply := l.Get(-1).(*lua.LTable)
	if e := reply.RawGetString("err"); e != lua.LNil {
		return "-" + e.String()
	}
	var numbers []string
	for i := 1; i <= reply.Len(); i++ {
		numbers = append(numbers, fmt.Sprintf(":%.0f", float64(reply.RawGetInt(i).(lua.LNumber))))
	}
	return "[" + strings.Join(numbers, " ") + "]"
}

func (f *fixedTime) pcall(l *lua.LState) int {
	switch name := l.CheckString(1); name {
	case "TIME":
		t := l.NewTable()
		t.Append(lua.LString(strconv.FormatInt(f.now/million, 10)))
		t.Append(lua.LString(strconv.FormatInt(f.now%million, 10)))
		l.Push(t)
	case "GET":
		if f.stored == "" {
			l.Push(lua.LFalse)
		} else {
			l.Push(lua.LString(f.stored))
		}
	case "SET":
		f.stored, f.px = l.CheckString(3), l.CheckString(5)
		l.Push(lua.LString("OK"))
	default:
		l.RaiseError("unexpected call of %s", name)
	}
	return 1
}

// TestThrottleModel: random calls at random times, compared with the model to the last microsecond.
func TestThrottleModel(t *testing.T) {
	f := &fixedTime{t: t}
	for _, text := range loadCatalogue(t, testSettings).Texts(nil) {
		if text.Name == "cl.throttle" {
			f.text = text.Body
		}
	}
	rng := rand.New(rand.NewPCG(1, 7))
	pick := func(l ...int64) int64 { return l[rng.IntN(len(l))] }
	kinds := map[string]int{}
	for range 700 {
		var c cell
		f.stored, f.now = "", 1_700_000_000*million+rng.Int64N(100_000_000*million)
		r := rate{
			burst:  pick(0, 1, 4, 15, 1000, rng.Int64N(100), 1<<40, mostExact),
			count:  pick(1, 1, 3, 7, 30, 999_983, rng.Int64N(1000), 1<<45, mostExact),
			period: pick(1, 1, 7, 60, 3600, 86400, rng.Int64N(1000), 9007199254, 9007199255, mostExact),
		}
		for range 12 {
			r.quantity = pick(0, 1, 1, 1, 2, rng.Int64N(20), r.burst, min(r.burst, mostExact-1)+1, min(r.burst, mostExact-2)+2)
			f.px = ""
			want, ttl := c.throttle(r, f.now)
			got := f.call(r)
			stored := ""
			if c.paid != nil {
				stored = c.paid.String()
			}
			px := ""
			if ttl != nil {
				px = new(big.Int).Quo(ttl.Add(ttl, big.NewInt(999)), big.NewInt(1000)).String()
			}
			if got != want || f.stored != stored || f.px != px {
				t.Fatalf("%+v at %d: %s, stored %q for %q ms; want %s, %q for %q ms", r, f.now, got, f.stored, f.px, want, stored, px)
			}
			kinds[want[:3]]++
			f.now += pick(0, 1, 999, 1000, million, rng.Int64N(10*million), rng.Int64N(100_000*million))
			if r.period > 0 && r.count > 0 && rng.IntN(3) == 0 {
				f.now += max(r.period*million/max(r.count, 1), 0) % (1000 * million) // on the beat
			}
		}
	}
	if kinds["[:0"] < 1000 || kinds["[:1"] < 1000 || kinds["-ER"] < 100 {
		t.Errorf("the calls were not of all kinds: %v", kinds)
	}
}

// TestThrottle: fixed cases, those of redis-cell's own documentation and tests among them, on real servers. The time passes
// meanwhile, but not as much as a second.
func TestThrottle(t *testing.T) {
	const (
		notInt    = "-ERR value is not an integer or out of range"
		wrongType = "-WRONGTYPE Operation against a key holding the wrong kind of value"
	)
	semantics(t, []semantic{
		{call: "CL.THROTTLE k 15 30 60 0", reply: "[:0 :16 :16 :-1 :0]"},
		{call: "CL.THROTTLE k 4 1 1 6", reply: "[:1 :5 :5 :-1 :0]"},
		{call: "cl.throttle k 0 1 1000 2", reply: "[:1 :1 :1 :-1 :0]"},
		{call: "CL.THROTTLE k 5 0 60", reply: zeroRate},
		{call: "CL.THROTTLE k 5 30 0", reply: zeroRate},
		{call: "CL.THROTTLE k 5 0 60 0", reply: zeroRate},
		{call: "CL.THROTTLE k 5 1000001 1", reply: fastRate},
		{call: "CL.THROTTLE k -1 30 60", reply: notInt},
		{call: "CL.THROTTLE k 5 -30 60", reply: notInt},
		{call: "CL.THROTTLE k 5 30 -60", reply: notInt},
		{call: "CL.THROTTLE k 5 30 60 -1", reply: notInt},
		{call: "CL.THROTTLE k x 30 60", reply: notInt},
		{call: "CL.THROTTLE k 5 30 6.5", reply: notInt},
		{call: "CL.THROTTLE k 5 30 60 x", reply: notInt},
		{call: "CL.THROTTLE k 5 30 9223372036854775808", reply: notInt},
		{call: "CL.THROTTLE k 9007199254740992 30 60", reply: tooLarge},
		{call: "CL.THROTTLE k 5 30 60 9007199254740992", reply: tooLarge},
		{call: "CL.THROTTLE k 9007199254740991 1 1", reply: tooLarge},
		{call: "CL.THROTTLE k 5 30 9007199255", reply: tooLarge},
		{call: "CL.THROTTLE k 8 1 1000000000 8", reply: tooLarge}, // after now: 253 years and the time since 1970
		{before: "SET k 9007199254740992", call: "CL.THROTTLE k 5 30 60", reply: tooLarge},
		{before: "SET k 1700000000000000000", call: "CL.THROTTLE k 5 30 60 0", reply: tooLarge}, // redis-cell's nanoseconds
		{before: "SET k x", call: "CL.THROTTLE k 5 30 60", reply: notInt},
		{before: "SET k 1.5", call: "CL.THROTTLE k 5 30 60 0", reply: notInt},
		{before: "RPUSH k x", call: "CL.THROTTLE k 5 30 60", reply: wrongType},
		{call: "CL.THROTTLE k 5 30", reply: "-ERR wrong number of arguments for 'cl.throttle' command"},
		{call: "CL.THROTTLE k 5 30 60 1 1", reply: "-ERR syntax error"},
	})
}

// TestThrottleServers: the model on each server, at the server's own time, which lies between two that were read around the call.
func TestThrottleServers(t *testing.T) {
	eachServer(t, func(t *testing.T, s *server) {
		c := s.dial(t).load(loadCatalogue(t, testSettings))
		now := func() int64 {
			r, _ := parseReply(c.do("TIME") + "\r\n")
			sec, _ := strconv.ParseInt(r.elems[0].text, 10, 64)
			us, _ := strconv.ParseInt(r.elems[1].text, 10, 64)
			return sec*million + us
		}
		rng := rand.New(rand.NewPCG(2, 3))
		for key := range 40 {
			var state cell
			k := fmt.Sprint("k", key)
			r := rate{burst: rng.Int64N(8), count: 1 + rng.Int64N(2000), period: 1 + rng.Int64N(4)}
			for range 25 {
				r.quantity = rng.Int64N(4)
				from := now()
				args := []string{"CL.THROTTLE", k, fmt.Sprint(r.burst), fmt.Sprint(r.count), fmt.Sprint(r.period), fmt.Sprint(r.quantity)}
				got := show(c.call(args...))
				stored, _ := parseReply(c.do("GET", k) + "\r\n")
				if !state.follows(r, from, now(), got, stored.text) {
					t.Fatalf("%q, not before %d: %s and %q do not follow from %v", args, from, got, stored.text, state.paid)
				}
			}
		}
	})
}

// follows reports whether at some time in the interval the call gives this reply and leaves this value, "" or "-1" being a
// key that has expired. It goes on from there.
func (c *cell) follows(r rate, from, to int64, reply, stored string) bool {
	for at := from; at <= to; at++ {
		next := *c
		want, ttl := next.throttle(r, at)
		gone := stored == "" || stored == "-1"
		same := next.paid != nil && next.paid.String() == stored
		if ttl == nil && gone {
			same = next.paid == nil || next.paid.Int64() <= to
		} else if gone {
			same = at+ttl.Int64() <= to+1000
		}
		if want == reply && same {
			*c = next
			return true
		}
	}
	return false
}

func TestThrottleFailsWhole(t *testing.T) {
	failsWhole(t, []trial{{"", "CL.THROTTLE k 5 30 60"}, {"SET k 5 EX 1000", "CL.THROTTLE k 5 30 60 2"}})
}
