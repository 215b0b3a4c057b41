package commands

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"
)

// model is what CAS, CAD and INCREX are documented to do to strings, apart from the scripts: with big integers.
type model struct {
	keys map[string]modelled
	now  time.Time
}

type modelled struct {
	list    bool
	value   string
	expires time.Time // zero: never
}

// lifetime is what an expiry option does to a key's expiry.
func (m *model) lifetime(key string, option []string) (expires time.Time, gone bool) {
	if len(option) == 0 {
		return time.Time{}, false
	}
	if option[0] == "KEEPTTL" {
		return m.keys[key].expires, false
	}
	n, _ := strconv.ParseInt(option[1], 10, 64)
	switch option[0] {
	case "EX":
		expires = m.now.Add(time.Duration(n) * time.Second)
	case "PX":
		expires = m.now.Add(time.Duration(n) * time.Millisecond)
	case "EXAT":
		expires = time.Unix(n, 0)
	default:
		expires = time.UnixMilli(n)
	}
	return expires, expires.Before(m.now)
}

func (m *model) store(key, value string, expires time.Time, gone bool) {
	delete(m.keys, key)
	if !gone {
		m.keys[key] = modelled{value: value, expires: expires}
	}
}

// cas is CAS, and with del CAD.
func (m *model) cas(key, old, new string, option []string, del bool) string {
	k, ok := m.keys[key]
	switch {
	case k.list:
		return wrongType
	case !ok:
		return ":-1"
	case k.value != old:
		return ":0"
	case del:
		delete(m.keys, key)
	default:
		expires, gone := m.lifetime(key, option)
		m.store(key, new, expires, gone)
	}
	return ":1"
}

// increment is a call of INCREX. Nil bounds and increments are not given.
type increment struct {
	by, lower, upper *big.Int
	saturate, enx    bool
	persist          bool
	expiry           []string
}

var exact = big.NewInt(1<<53 - 1)

func withinExact(n *big.Int) bool { return n == nil || n.CmpAbs(exact) <= 0 }

func (m *model) increx(key string, c increment) string {
	if !withinExact(c.by) || !withinExact(c.lower) || !withinExact(c.upper) {
		return beyond53
	}
	if c.lower != nil && c.upper != nil && c.lower.Cmp(c.upper) > 0 {
		return "-ERR LBOUND can't be greater than UBOUND"
	}
	k, ok := m.keys[key]
	if k.list {
		return wrongType
	}
	current := new(big.Int)
	if ok {
		n, err := strconv.ParseInt(k.value, 10, 64)
		if err != nil || strconv.FormatInt(n, 10) != k.value {
			return notInteger
		}
		current.SetInt64(n)
	}
	if !withinExact(current) {
		return beyond53
	}
	by := c.by
	if by == nil {
		by = big.NewInt(1)
	}
	next := new(big.Int).Add(current, by)
	bound := (*big.Int)(nil)
	if c.upper != nil && next.Cmp(c.upper) > 0 {
		bound = c.upper
	} else if c.lower != nil && next.Cmp(c.lower) < 0 {
		bound = c.lower
	}
	if bound != nil {
		if !c.saturate {
			return fmt.Sprintf("[:%s :0]", current)
		}
		next = bound
	}
	applied := new(big.Int).Sub(next, current)
	if !withinExact(next) || !withinExact(applied) {
		return beyond53
	}
	expires, gone := k.expires, false
	if c.persist {
		expires = time.Time{}
	} else if len(c.expiry) > 0 && !(c.enx && !k.expires.IsZero()) {
		expires, gone = m.lifetime(key, c.expiry)
	}
	m.store(key, next.String(), expires, gone)
	return fmt.Sprintf("[:%s :%s]", next, applied)
}

// agrees says in words how the data differ from the model's; "": not at all.
func (m *model) agrees(s snapshot) string {
	want := snapshot{}
	for k, v := range m.keys {
		e := snapped{value: `"string" ` + strconv.Quote(v.value)}
		if v.list {
			e.value = `"list" ` + strconv.Quote(v.value)
		}
		if !v.expires.IsZero() {
			e.deadline = v.expires.UnixMilli()
		}
		want[k] = e
	}
	return want.differs(s)
}

// number picks a number that matters here: small ones, and those around 2^53.
func (g *calls) number() *big.Int {
	n := big.NewInt(int64(g.IntN(21)) - 10)
	switch g.IntN(6) {
	case 0:
		n.Add(n, exact)
	case 1:
		n.Sub(n, exact)
	}
	return n
}

func (g *calls) increment() (c increment, args []string) {
	var groups [][]string
	number := func(token string, chance int) *big.Int {
		if g.IntN(chance) > 0 {
			return nil
		}
		n := g.number()
		groups = append(groups, []string{token, n.String()})
		return n
	}
	c.by, c.lower, c.upper = number("BYINT", 1), number("LBOUND", 2), number("UBOUND", 2)
	if c.saturate = g.IntN(2) == 0; c.saturate {
		groups = append(groups, []string{"SATURATE"})
	}
	switch g.IntN(4) {
	case 0:
		c.persist = true
		groups = append(groups, []string{"PERSIST"})
	case 1, 2:
		if c.expiry = g.lasting(); c.expiry[0] == "KEEPTTL" {
			c.expiry = nil
			break
		}
		groups = append(groups, c.expiry)
		if c.enx = g.IntN(2) == 0; c.enx {
			groups = append(groups, []string{"ENX"})
		}
	}
	g.Shuffle(len(groups), func(i, j int) { groups[i], groups[j] = groups[j], groups[i] })
	for _, words := range groups {
		args = append(args, words...)
	}
	return c, args
}

// lasting is an expiry option that is right.
func (g *calls) lasting() []string {
	at := func(s string) string { return timeWord(s, g.now) }
	all := [][]string{
		{"EX", "5000"}, {"PX", "5000000"}, {"EXAT", at("{s+5000}")}, {"PXAT", at("{ms+9000000}")},
		{"EXAT", "1"}, {"PXAT", at("{ms-100000}")}, {"KEEPTTL"},
	}
	return all[g.IntN(len(all))]
}

// step makes a random call and returns it with the reply that the model gives.
func (m *model) step(g *calls) (args []string, want string) {
	key := g.of("a", "b", "c")
	old, next := g.of("1", "2", "", "\x00"), g.of("1", "2", "", "\x00", g.number().String())
	switch g.IntN(10) {
	case 0:
		m.store(key, next, time.Time{}, false)
		return []string{"SET", key, next}, "+OK"
	case 1:
		m.store(key, next, m.now.Add(9000*time.Second), false)
		return []string{"SET", key, next, "EX", "9000"}, "+OK"
	case 2:
		_, ok := m.keys[key]
		if !ok && g.IntN(4) == 0 {
			m.keys[key] = modelled{list: true, value: "x"}
			return []string{"RPUSH", key, "x"}, ":1"
		}
		delete(m.keys, key)
		return []string{"DEL", key}, map[bool]string{true: ":1", false: ":0"}[ok]
	case 3:
		return []string{"CAD", key, old}, m.cas(key, old, "", nil, true)
	case 4:
		return []string{"CAS", key, old, next}, m.cas(key, old, next, nil, false)
	case 5:
		option := g.lasting()
		return append([]string{"CAS", key, old, next}, option...), m.cas(key, old, next, option, false)
	}
	c, args := g.increment()
	return append([]string{"INCREX", key}, args...), m.increx(key, c)
}

// TestModel: CAS, CAD and INCREX do what the model does, whatever comes one after the other.
func TestModel(t *testing.T) {
	const steps = 4000
	eachServer(t, func(t *testing.T, s *server) {
		c := s.dial(t).load(loadCatalogue(t, testSettings))
		for _, proto := range []string{"2", "3"} {
			c.do("HELLO", proto)
			seed := rand.Uint64()
			g := &calls{Rand: rand.New(rand.NewPCG(seed, 0)), now: c.fresh("")}
			m := &model{keys: map[string]modelled{}, now: g.now}
			for step := range steps {
				args, want := m.step(g)
				send := c.do
				if c.rg.Lookup([]byte(args[0])) != nil && args[0] != "SET" {
					send = c.call
				}
				if got := show(send(args...)); got != want {
					t.Fatalf("seed %d, step %d: %q\n got %s\nwant %s", seed, step, args, got, want)
				}
				if diff := m.agrees(c.snapshot()); diff != "" {
					t.Fatalf("seed %d, step %d: %q: %s", seed, step, args, diff)
				}
			}
		}
	})
}
