package oracle

import (
	"fmt"
	"strings"

	"github.com/atomicproxy/atomicproxy/proxy/internal/redistest"
)

// Account compares what the clients were told with what the upstream holds; c is connected to it directly. It returns
// each contradiction. Call it when nothing is on its way any more.
func (l *Ledger) Account(c *redistest.Client) []string {
	var wrong []string
	for _, w := range l.workers {
		found, err := w.account(c)
		if err != nil {
			return append(wrong, fmt.Sprintf("accounting: %v", err))
		}
		wrong = append(wrong, found...)
	}
	found, err := l.accountShared(c)
	if err != nil {
		return append(wrong, fmt.Sprintf("accounting: %v", err))
	}
	return append(wrong, found...)
}

// account looks at the keys of one worker. A last read tells as much as any: what it returns must be possible.
func (w *worker) account(c *redistest.Client) (wrong []string, err error) {
	m := &w.model
	for key, r := range map[string]*register{m.value: &m.register, m.chain: &m.chained} {
		reply, err := c.Call("GET", key)
		if err != nil {
			return nil, err
		}
		if want := r.judge(reply); want != "" {
			wrong = append(wrong, fmt.Sprintf("%s holds %.100q, want %s", key, reply, want))
		}
	}
	reply, err := c.Call("GET", m.counter)
	if err != nil {
		return nil, err
	}
	text, ok := bulkText(reply)
	var v int64
	if ok && text != "" {
		v, ok = integer(":" + text)
	}
	if !ok || !m.count.canBe(v) {
		wrong = append(wrong, fmt.Sprintf("%s holds %.100q, want %d to %d", m.counter, reply, m.count.value, m.count.value+m.count.maybe))
	}
	return wrong, nil
}

// accountShared looks at the list that everybody pushed to: each acknowledged nonce once, in its connection's order;
// one of unknown outcome at most once; no other.
func (l *Ledger) accountShared(c *redistest.Client) (wrong []string, err error) {
	if len(l.workers) == 0 {
		return nil, nil
	}
	key := l.workers[0].model.shared
	elements, err := listElements(c, key)
	if err != nil {
		return nil, err
	}
	at := make(map[string][]int, len(elements))
	for i, e := range elements {
		at[e] = append(at[e], i)
	}
	for _, w := range l.workers {
		last := -1
		for _, p := range w.model.pushed {
			places := at[p.nonce]
			delete(at, p.nonce)
			switch {
			case len(places) > 1:
				wrong = append(wrong, fmt.Sprintf("%s: %.60q was pushed %d times", key, p.nonce, len(places)))
			case !p.acked:
			case len(places) == 0:
				wrong = append(wrong, fmt.Sprintf("%s: %.60q was acknowledged and is not there", key, p.nonce))
			case places[0] < last:
				wrong = append(wrong, fmt.Sprintf("%s: %.60q stands before its connection's earlier ones", key, p.nonce))
			default:
				last = places[0]
			}
		}
	}
	for e := range at {
		wrong = append(wrong, fmt.Sprintf("%s: %.60q is there, though its push was said not to have run, or nobody made it", key, e))
	}
	return wrong, nil
}

// listElements reads a list of strings without line ends, as nonces are.
func listElements(c *redistest.Client, key string) ([]string, error) {
	reply, err := c.Call("LRANGE", key, "0", "-1")
	if err != nil {
		return nil, err
	}
	lines := strings.Split(strings.TrimSuffix(reply, "\r\n"), "\r\n")
	if !strings.HasPrefix(lines[0], "*") {
		return nil, fmt.Errorf("LRANGE %s: %.100q", key, reply)
	}
	var elements []string
	for i := 2; i < len(lines); i += 2 {
		elements = append(elements, lines[i])
	}
	return elements, nil
}
