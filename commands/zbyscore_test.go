package commands

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
)

func TestZPOPBYSCORE(t *testing.T) {
	const (
		wrongType = "-WRONGTYPE Operation against a key holding the wrong kind of value"
		limit     = "-ERR LIMIT must be between 1 and 1000"
		float     = "-ERR min or max is not a float"
		z         = "ZADD z 1 a 2 b 2 c 3 d"
	)
	semantics(t, []semantic{
		{before: z, call: "ZPOPBYSCORE z -inf +inf", reply: `["a" "1"]`, after: "ZADD z 2 b 2 c 3 d"},
		{before: z, call: "zpopbyscore z 2 3 limit 2", reply: `["b" "2" "c" "2"]`, after: "ZADD z 1 a 3 d"},
		{before: z, call: "ZPOPBYSCORE z (2 +inf LIMIT 10", reply: `["d" "3"]`, after: "ZADD z 1 a 2 b 2 c"},
		{before: z, call: "ZPOPBYSCORE z -inf (2 LIMIT 10", reply: `["a" "1"]`, after: "ZADD z 2 b 2 c 3 d"},
		{before: z, call: "ZPOPBYSCORE z 0 inf LIMIT 1000", reply: `["a" "1" "b" "2" "c" "2" "d" "3"]`, after: "none"},
		{before: z, call: "ZPOPBYSCORE z 4 5 LIMIT 10", reply: "[]"},
		{before: z, call: "ZPOPBYSCORE z 3 1 LIMIT 10", reply: "[]"},
		{call: "ZPOPBYSCORE z -inf +inf", reply: "[]"},
		{before: z + "; EXPIRE z 1000", call: "ZPOPBYSCORE z 1 1", reply: `["a" "1"]`, after: "ZADD z 2 b 2 c 3 d; EXPIRE z 1000"},
		{before: `ZADD z -inf "" 0.5 "\x00\r\n" inf "\xff"`, call: "ZPOPBYSCORE z -inf +inf LIMIT 3", reply: `["" "-inf" "\x00\r\n" "0.5" "\xff" "inf"]`, after: "none"},
		{before: "ZADD z 9007199254740992 a -9007199254740992 b", call: "ZPOPBYSCORE z -inf +inf LIMIT 3", reply: `["b" "-9007199254740992" "a" "9007199254740992"]`, after: "none"},
		{before: z, call: "ZPOPBYSCORE z -inf +inf LIMIT 0", reply: limit},
		{before: z, call: "ZPOPBYSCORE z -inf +inf LIMIT 1001", reply: limit},
		{before: z, call: "ZPOPBYSCORE z -inf +inf LIMIT -1", reply: limit},
		{before: z, call: "ZPOPBYSCORE z -inf +inf LIMIT x", reply: "-ERR value is not an integer or out of range"},
		{before: z, call: "ZPOPBYSCORE z -inf +inf LIMIT", reply: "-ERR syntax error"},
		{before: z, call: "ZPOPBYSCORE z -inf +inf LIMIT 1 LIMIT 1", reply: "-ERR syntax error"},
		{before: z, call: "ZPOPBYSCORE z -inf +inf NOPE", reply: "-ERR syntax error"},
		{before: z, call: "ZPOPBYSCORE z x 1", reply: float},
		{before: z, call: "ZPOPBYSCORE z 1 nan", reply: float},
		{call: "ZPOPBYSCORE z x 1", reply: float},
		{before: "SET z v", call: "ZPOPBYSCORE z 0 1", reply: wrongType},
		{before: z, call: "ZPOPBYSCORE z 0", reply: "-ERR wrong number of arguments for 'zpopbyscore' command"},
	})
}

func TestZMOVEBYSCORE(t *testing.T) {
	const (
		wrongType = "-WRONGTYPE Operation against a key holding the wrong kind of value"
		float     = "-ERR value is not a valid float"
		z         = "ZADD z 1 a 2 b 3 c"
	)
	semantics(t, []semantic{
		{before: z, call: "ZMOVEBYSCORE z d -inf 2 60", reply: `["a" "1"]`, after: "ZADD z 2 b 3 c; ZADD d 60 a"},
		{before: z + "; ZADD d 5 x 9 a", call: "zmovebyscore z d -inf 2 60 LIMIT 5", reply: `["a" "1" "b" "2"]`, after: "ZADD z 3 c; ZADD d 5 x 60 a 60 b"},
		{before: z + "; EXPIRE z 1000", call: "ZMOVEBYSCORE z d -inf +inf -inf LIMIT 5", reply: `["a" "1" "b" "2" "c" "3"]`, after: "ZADD d -inf a -inf b -inf c"},
		{before: z, call: "ZMOVEBYSCORE z z -inf 2 60 LIMIT 5", reply: `["a" "1" "b" "2"]`, after: "ZADD z 3 c 60 a 60 b"},
		{before: z, call: "ZMOVEBYSCORE z z 1 1 1", reply: `["a" "1"]`},
		{before: z, call: "ZMOVEBYSCORE z d (3 5 60", reply: "[]"},
		{call: "ZMOVEBYSCORE z d 3 5 60", reply: "[]"},
		{before: `ZADD z 0.5 "\x00\xff\r\n"`, call: "ZMOVEBYSCORE z d 0 1 1e3", reply: `["\x00\xff\r\n" "0.5"]`, after: `ZADD d 1000 "\x00\xff\r\n"`},
		{before: z, call: "ZMOVEBYSCORE z d 0 5 x", reply: float},
		{before: z, call: `ZMOVEBYSCORE z d 0 5 ""`, reply: float},
		{before: z, call: "ZMOVEBYSCORE z d 0 5 (5", reply: float},
		{before: z, call: "ZMOVEBYSCORE z d 0 5 nan", reply: float},
		{before: z, call: "ZMOVEBYSCORE z d 0 5 1e400", reply: float},
		{before: z, call: "ZMOVEBYSCORE z d 0 5 1.2.3", reply: float},
		{before: z, call: `ZMOVEBYSCORE z d 0 5 "5 "`, reply: float},
		{before: z, call: `ZMOVEBYSCORE z d 0 5 "5\x00"`, reply: float},
		{call: "ZMOVEBYSCORE z d 0 5 x", reply: float},
		{before: z, call: "ZMOVEBYSCORE z d x 5 1", reply: "-ERR min or max is not a float"},
		{before: z, call: "ZMOVEBYSCORE z d 0 5 1 LIMIT 1001", reply: "-ERR LIMIT must be between 1 and 1000"},
		{before: z, call: "ZMOVEBYSCORE z d 0 5 1 LIMIT 0", reply: "-ERR LIMIT must be between 1 and 1000"},
		{before: z, call: "ZMOVEBYSCORE z d 0 5 1 COUNT 1", reply: "-ERR syntax error"},
		{before: z + "; SET d v", call: "ZMOVEBYSCORE z d 0 5 1", reply: wrongType},
		{before: "SET d v", call: "ZMOVEBYSCORE z d 0 5 1", reply: wrongType},
		{before: "SET z v", call: "ZMOVEBYSCORE z d 0 5 1", reply: wrongType},
		{before: z, call: "ZMOVEBYSCORE z d 0 5", reply: "-ERR wrong number of arguments for 'zmovebyscore' command"},
	})
}

func TestZByScoreFailsWhole(t *testing.T) {
	failsWhole(t, []trial{{"ZADD z 1 a 2 b", "ZPOPBYSCORE z 0 1 LIMIT 2"}})
	failsWhole(t, []trial{{"ZADD z 1 a 2 b; ZADD d 1 x", "ZMOVEBYSCORE z d 0 5 9 LIMIT 2"}, {"ZADD z 1 a 2 b", "ZMOVEBYSCORE z z 0 1 9"}})
}

// TestScores: what ZMOVEBYSCORE takes for a new score, ZADD takes as well: so it is told that it is none also where no
// member moves.
func TestScores(t *testing.T) {
	everyServer(t, func(t *testing.T, s *server) {
		c := s.dial(t).load(loadCatalogue(t, testSettings))
		taken := 0
		for _, text := range scoreTexts() {
			c.do("FLUSHALL")
			c.do("ZADD", "z", "1", "a")
			got := c.call("ZMOVEBYSCORE", "z", "d", "1", "1", text)
			zadd := c.do("ZADD", "x", text, "a")
			switch {
			case got == "-ERR value is not a valid float":
				if n := c.do("ZCARD", "z"); n != ":1" {
					t.Errorf("%q: refused, but z has %s members", text, n)
				}
			case zadd != ":1" || c.score("d") != c.score("x"):
				t.Errorf("%q: %q, and ZADD: %q", text, got, zadd)
			default:
				taken++
			}
		}
		if taken < 20 {
			t.Errorf("only %d of the scores were taken", taken)
		}
	})
}

// score is what the member a has, as a number: miniredis writes -0 as 0.
func (c *client) score(key string) float64 {
	c.t.Helper()
	r, _ := parseReply(c.do("ZSCORE", key, "a") + "\r\n")
	n, err := strconv.ParseFloat(r.text, 64)
	if err != nil {
		c.t.Fatalf("ZSCORE %s: %v", key, err)
	}
	return n
}

func scoreTexts() []string {
	l := strings.Fields(`0 -0 +0 1 -1 +1 01 1. .5 -.5 +.5 1.5 . + - +- 1e5 1E5 1e+5 1e-5 1e 1e+ e5 .e5 1e308 1e309 -1e309 1e-400 0e-400
		0.0e5 4.9e-324 2e-324 1.7976931348623157e308 1.7976931348623159e308 inf INF +inf -Inf infinity -infinity nan -nan 0x10 0x1p4 1_000
		1,5 9007199254740993 0.1 00000000000000000000000000000000000000000000000000000000000000000001 1..5 1.5.5 1e5.5 1e1e1`)
	for i := range 60 {
		l = append(l, strconv.FormatFloat(math.Pow(-7.3, float64(i-30)), 'g', -1, 64))
	}
	return append(l, strings.Repeat("9", 300), strings.Repeat("9", 310), "0."+strings.Repeat("0", 400)+"1", "1"+strings.Repeat("0", 400)+"e-400", " 1", "1 ", "1\n", "\t1", "1\x00")
}

// TestZByScoreMost: a thousand members at once, in both commands.
func TestZByScoreMost(t *testing.T) {
	everyServer(t, func(t *testing.T, s *server) {
		c := s.dial(t).load(loadCatalogue(t, testSettings))
		args := []string{"ZADD", "z"}
		for i := range 2500 {
			args = append(args, strconv.Itoa(i), fmt.Sprint("m", i))
		}
		c.do(args...)
		if got := c.call("ZMOVEBYSCORE", "z", "d", "-inf", "+inf", "7", "LIMIT", "1000"); !strings.HasPrefix(got, "*2000\r\n") {
			t.Errorf("moved: %.100q", got)
		}
		if got := c.call("ZPOPBYSCORE", "z", "-inf", "+inf", "LIMIT", "1000"); !strings.HasPrefix(got, "*2000\r\n$5\r\nm1000\r\n") {
			t.Errorf("popped: %.100q", got)
		}
		if z, d := c.do("ZCARD", "z"), c.do("ZCOUNT", "d", "7", "7"); z != ":500" || d != ":1000" {
			t.Errorf("left %s and %s", z, d)
		}
	})
}
