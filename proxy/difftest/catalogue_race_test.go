package difftest

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/atomicproxy/atomicproxy/proxy/internal/redistest"
)

const racers = 50 // connections in each race

// race runs f on that many connections to the proxy at once.
func race(t *testing.T, addr string, f func(id int, c *redistest.Client) error) {
	t.Helper()
	var running sync.WaitGroup
	for id := range racers {
		running.Add(1)
		go func() {
			defer running.Done()
			c, err := oracleDial(addr)
			if err == nil {
				defer c.Close()
				err = f(id, c)
			}
			if err != nil {
				t.Errorf("connection %d: %v", id, err)
			}
		}()
	}
	running.Wait()
}

// TestRaceStock sells a stock that all want to have: never more than there is, and all of it.
func TestRaceStock(t *testing.T) {
	const stock = 2000
	redistest.Each(t, func(t *testing.T, s *redistest.Server) {
		addr := startProxy(t, s.Addr)
		must(t, s.Dial(t), "+OK\r\n", "SET", "stock", strconv.Itoa(stock))
		var sold atomic.Int64
		race(t, addr, func(id int, c *redistest.Client) error {
			for want := 1 + id%3; want > 0; {
				reply, err := c.Call("INCREX", "stock", "BYINT", strconv.Itoa(-want), "LBOUND", "0")
				var left, taken int
				if _, scan := fmt.Sscanf(reply, "*2\r\n:%d\r\n:%d\r\n", &left, &taken); err != nil || scan != nil || left < 0 || taken != 0 && taken != -want {
					return fmt.Errorf("INCREX: %q, %v", reply, err)
				}
				if taken == 0 {
					want-- // less than that is left
				}
				sold.Add(int64(-taken))
			}
			return nil
		})
		if got := s.Dial(t).Do("GET", "stock"); got != redistest.Bulk("0") || sold.Load() != stock {
			t.Errorf("of %d, %d were sold, and %q are left", stock, sold.Load(), got)
		}
	})
}

// TestRaceWindow lets everybody in through a fixed window that takes so many.
func TestRaceWindow(t *testing.T) {
	const limit = 300
	redistest.Each(t, func(t *testing.T, s *redistest.Server) {
		addr := startProxy(t, s.Addr)
		var admitted atomic.Int64
		race(t, addr, func(_ int, c *redistest.Client) error {
			for range 20 {
				reply, err := c.Call("INCREX", "window", "UBOUND", strconv.Itoa(limit), "EX", "5000", "ENX")
				if err != nil || !strings.HasPrefix(reply, "*2\r\n:") {
					return fmt.Errorf("INCREX: %q, %v", reply, err)
				}
				if strings.HasSuffix(reply, "\r\n:1\r\n") {
					admitted.Add(1)
				}
			}
			return nil
		})
		if admitted.Load() != limit {
			t.Errorf("%d were let in, the limit is %d", admitted.Load(), limit)
		}
	})
}

// TestRaceCounters: of a counter that everybody reads and registers no step is lost, whatever command registers it.
func TestRaceCounters(t *testing.T) {
	const steps = 10
	redistest.Each(t, func(t *testing.T, s *redistest.Server) {
		addr := startProxy(t, s.Addr)
		direct := s.Dial(t)
		for _, key := range []string{"cas", "ifeq"} {
			direct.Do("SET", key, "0")
		}
		race(t, addr, func(id int, c *redistest.Client) error {
			for done := 0; done < steps; {
				key := []string{"cas", "ifeq"}[id%2]
				reply, err := c.Call("GET", key)
				if err != nil {
					return err
				}
				old := parseOne(reply).text
				n, _ := strconv.Atoi(old)
				call, won := []string{"CAS", key, old, strconv.Itoa(n + 1)}, ":1\r\n"
				if key == "ifeq" {
					call, won = []string{"SET", key, strconv.Itoa(n + 1), "IFEQ", old}, "+OK\r\n"
				}
				if reply, err = c.Call(call...); err != nil || strings.HasPrefix(reply, "-") {
					return fmt.Errorf("%q: %q, %v", call, reply, err)
				}
				if reply == won {
					done++
				}
			}
			return nil
		})
		for _, key := range []string{"cas", "ifeq"} {
			must(t, direct, redistest.Bulk(strconv.Itoa(racers/2*steps)), "GET", key)
		}
	})
}

// register is a string as the model of a linearizable server has it; nil: there is no such key.
type register = *string

// registers says what the commands do to a key, in porcupine's words.
var registers = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		byKey := map[string][]porcupine.Operation{}
		for _, op := range history {
			key := op.Input.([]string)[1]
			byKey[key] = append(byKey[key], op)
		}
		var parts [][]porcupine.Operation
		for _, ops := range byKey {
			parts = append(parts, ops)
		}
		return parts
	},
	Init: func() any { return register(nil) },
	Step: func(state, input, output any) (bool, any) {
		next, reply := swap(state.(register), input.([]string))
		return reply == output.(string), next
	},
	Equal: func(a, b any) bool {
		x, y := a.(register), b.(register)
		return x == nil && y == nil || x != nil && y != nil && *x == *y
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprintf("%q %q", input, output) },
}

// swap is what a call does to the key's value, and its reply.
func swap(now register, args []string) (next register, reply string) {
	is := func(v string) bool { return now != nil && *now == v }
	switch args[0] {
	case "GET":
		return now, bulkOf(now)
	case "CAS":
		if is(args[2]) {
			return &args[3], ":1\r\n"
		}
	case "CAD", "DELIFEQ", "DELEX":
		if is(args[len(args)-1]) {
			return nil, ":1\r\n"
		}
	case "SET": // key value IFEQ|IFNE other [GET]
		set := is(args[4]) == (args[3] == "IFEQ")
		next = now
		reply = "$-1\r\n"
		if set {
			next, reply = &args[2], "+OK\r\n"
		}
		if len(args) > 5 {
			reply = bulkOf(now)
		}
		return next, reply
	case "INCREX": // key BYINT n UBOUND 5 LBOUND 0
		var old int
		if now != nil {
			old, _ = strconv.Atoi(*now)
		}
		by, _ := strconv.Atoi(args[3])
		if old+by > 5 || old+by < 0 {
			return now, fmt.Sprintf("*2\r\n:%d\r\n:0\r\n", old)
		}
		v := strconv.Itoa(old + by)
		return &v, fmt.Sprintf("*2\r\n:%s\r\n:%d\r\n", v, by)
	}
	if now == nil && (args[0] == "CAS" || args[0] == "CAD") {
		return now, ":-1\r\n"
	}
	return now, ":0\r\n"
}

func bulkOf(v register) string {
	if v == nil {
		return "$-1\r\n"
	}
	return redistest.Bulk(*v)
}

func randomSwap(g *rand.Rand) []string {
	key, a, b := fmt.Sprintf("r%d", g.IntN(8)), strconv.Itoa(g.IntN(5)), strconv.Itoa(g.IntN(5))
	all := [][]string{
		{"GET", key}, {"CAS", key, a, b}, {"CAD", key, a}, {"DELIFEQ", key, a}, {"DELEX", key, "IFEQ", a},
		{"SET", key, a, "IFEQ", b}, {"SET", key, a, "IFNE", b}, {"SET", key, a, "IFEQ", b, "GET"}, {"SET", key, a, "IFNE", b, "GET"},
		{"INCREX", key, "BYINT", "1", "UBOUND", "5", "LBOUND", "0"}, {"INCREX", key, "BYINT", "-2", "UBOUND", "5", "LBOUND", "0"},
	}
	return all[g.IntN(len(all))]
}

// TestRaceLinearizable: what 50 connections saw can have happened one after the other.
func TestRaceLinearizable(t *testing.T) {
	redistest.Each(t, func(t *testing.T, s *redistest.Server) {
		addr := startProxy(t, s.Addr)
		histories := make([][]porcupine.Operation, racers)
		start, seed := time.Now(), rand.Uint64()
		race(t, addr, func(id int, c *redistest.Client) error {
			g := rand.New(rand.NewPCG(seed, uint64(id)))
			for range 40 {
				args := randomSwap(g)
				call := time.Since(start)
				reply, err := c.Call(args...)
				if err != nil {
					return err
				}
				histories[id] = append(histories[id], porcupine.Operation{
					ClientId: id, Input: args, Call: call.Nanoseconds(), Output: reply, Return: time.Since(start).Nanoseconds(),
				})
			}
			return nil
		})
		var history []porcupine.Operation
		for _, h := range histories {
			history = append(history, h...)
		}
		if result := porcupine.CheckOperationsTimeout(registers, history, 2*time.Minute); result != porcupine.Ok {
			t.Errorf("seed %d: %d operations are %v", seed, len(history), result)
		}
	})
}

// TestRegistersSayNo: the model refuses two winners of one swap, and a value that nobody wrote.
func TestRegistersSayNo(t *testing.T) {
	op := func(id int, call, end int64, reply string, args ...string) porcupine.Operation {
		return porcupine.Operation{ClientId: id, Input: args, Call: call, Output: reply, Return: end}
	}
	begin := op(0, 0, 1, "+OK\r\n", "SET", "k", "0", "IFNE", "x")
	first := op(1, 2, 9, ":1\r\n", "CAS", "k", "0", "1")
	for name, history := range map[string][]porcupine.Operation{
		"two winners":     {begin, first, op(2, 3, 8, ":1\r\n", "CAS", "k", "0", "2")},
		"a lost write":    {begin, first, op(2, 10, 11, redistest.Bulk("0"), "GET", "k")},
		"a value of none": {begin, first, op(2, 3, 8, redistest.Bulk("7"), "GET", "k")},
		"below the bound": {begin, op(1, 2, 3, "*2\r\n:-2\r\n:-2\r\n", "INCREX", "k", "BYINT", "-2", "UBOUND", "5", "LBOUND", "0")},
	} {
		if porcupine.CheckOperations(registers, history) {
			t.Errorf("%s: taken for right", name)
		}
	}
	if !porcupine.CheckOperations(registers, []porcupine.Operation{begin, first, op(2, 3, 8, redistest.Bulk("0"), "GET", "k")}) {
		t.Error("a read beside a write may come before it")
	}
}
