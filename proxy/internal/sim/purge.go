package sim

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
)

// dbsize counts the keys.
func dbsize(s *Server, p *Peer, _ *Call) []byte { return appendInt(nil, len(s.db(p))) }

// info has one line, about what PURGE asks for.
func info(*Server, *Peer, *Call) []byte {
	return appendBulk(nil, []byte("# Memory\r\nmaxmemory_policy:noeviction\r\n"))
}

// scan goes through the keys in the order of their names. Its cursors are of one run
// of the server, as those of a real one are: another answers with nonsense.
func scan(s *Server, p *Peer, c *Call) []byte {
	cursor, err := strconv.Atoi(c.Args[1])
	if err != nil {
		return appendError(nil, "ERR invalid cursor")
	}
	pattern, kind, count := "*", "", 10
	for i := 2; i+1 < len(c.Args); i += 2 {
		switch strings.ToLower(c.Args[i]) {
		case "match":
			pattern = c.Args[i+1]
		case "type":
			kind = c.Args[i+1]
		case "count":
			count, _ = strconv.Atoi(c.Args[i+1])
		}
	}
	const runs = 1000
	at := 0
	if cursor != 0 {
		if cursor%runs != s.Run%runs {
			return append(appendBulk([]byte("*2\r\n"), []byte("0")), "*0\r\n"...)
		}
		at = cursor / runs
	}
	// Keys that go while a scan is under way must not move the others: a key has its
	// place by its name alone.
	var found []string
	end := at + count
	for key, v := range s.db(p) {
		if n := place(key); n >= at && n < end && matches(pattern, key) && (kind == "" || (kind == "list") == v.list) {
			found = append(found, key)
		}
	}
	slices.Sort(found)
	next := "0"
	if end < places {
		next = strconv.Itoa(end*runs + s.Run%runs)
	}
	out := fmt.Appendf(appendBulk([]byte("*2\r\n"), []byte(next)), "*%d\r\n", len(found))
	for _, key := range found {
		out = appendBulk(out, []byte(key))
	}
	return out
}

// places is how many buckets a scan goes through.
const places = 512

func place(key string) int {
	h := uint32(2166136261)
	for i := range len(key) {
		h = (h ^ uint32(key[i])) * 16777619
	}
	return int(h % places)
}

// matches is Redis's glob, as far as path.Match is.
func matches(pattern, key string) bool {
	ok, err := path.Match(strings.ReplaceAll(pattern, "/", "|"), strings.ReplaceAll(key, "/", "|"))
	return err == nil && ok
}

// purgeStep judges keys as the script of that name does, and removes those that
// match. IDLETIME is taken for 0 and no key expires.
func purgeStep(s *Server, p *Peer, keys, argv []string, remove bool) []byte {
	var hits []int
	seen := map[string]bool{}
	for i, key := range keys {
		v := s.db(p)[key]
		if seen[key] || v == nil {
			continue
		}
		seen[key] = true
		if argv[0] == "1" && (argv[1] == "list") != v.list || argv[5] == "1" && (v.list || string(v.str) != argv[6]) {
			continue
		}
		hits = append(hits, i+1)
		if remove {
			delete(s.db(p), key)
			s.touch(p.DB, key)
		}
	}
	if remove {
		return appendInt(nil, len(hits))
	}
	out := fmt.Appendf(nil, "*%d\r\n", len(hits))
	for _, i := range hits {
		out = appendInt(out, i)
	}
	return out
}
