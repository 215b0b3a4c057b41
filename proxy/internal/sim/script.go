package sim

import (
	"slices"
	"strconv"
	"strings"
)

const noScript = "NOSCRIPT No matching script. Please use EVAL."

// evalsha runs the catalogue's scripts, by what they do and not by their Lua.
func evalsha(s *Server, p *Peer, c *Call) []byte {
	script := s.loaded[strings.ToLower(c.Args[1])]
	if script == nil {
		s.undo(c)
		return appendError(nil, noScript)
	}
	n, err := strconv.Atoi(c.Args[2])
	if err != nil || n < 0 || n > len(c.Args)-3 {
		return appendError(nil, "ERR value is not an integer or out of range")
	}
	argv := c.Args[3+n:]
	switch script.Name {
	case "marker":
		return appendBulk(nil, []byte("catalogue"))
	case "fail":
		return appendError(nil, failText(script.Body, argv[0]))
	case "purge", "purge-dryrun":
		return purge(s, p, argv, script.Name == "purge")
	case "purge-step", "purge-match":
		return purgeStep(s, p, c.Args[3:3+n], argv, script.Name == "purge-step")
	}
	return appendError(nil, "ERR the simulated server cannot run "+script.Name)
}

// undo takes back that a command was counted as run.
func (s *Server) undo(c *Call) {
	if c.Mark != "" {
		s.record(c.Mark).Runs--
	}
}

// failText finds the text of a number in the table that the script holds.
func failText(body, number string) string {
	n, err := strconv.Atoi(number)
	for line := range strings.Lines(body) {
		line = strings.TrimSpace(line)
		if err != nil || !strings.HasPrefix(line, "'") || !strings.HasSuffix(line, "',") {
			continue
		}
		if n--; n == 0 {
			text := line[1 : len(line)-2]
			return strings.NewReplacer(`\\`, `\`, `\'`, `'`).Replace(text)
		}
	}
	return "ERR syntax error"
}

// purge removes the keys that match a pattern, or none. IDLETIME is taken for 0
// and no key expires.
func purge(s *Server, p *Peer, argv []string, remove bool) []byte {
	limit, _ := strconv.Atoi(argv[12])
	if argv[2] == "1" {
		limit, _ = strconv.Atoi(argv[3])
	}
	maxScan, _ := strconv.Atoi(argv[11])
	if len(s.db(p)) > maxScan {
		return appendError(nil, "LIMIT the database has more keys than purge.max_scan allows one PURGE to look at; nothing was removed")
	}
	var keys []string
	for key, v := range s.db(p) {
		if !matches(argv[1], key) || argv[8] == "1" || argv[4] == "1" && (argv[5] == "list") != v.list {
			continue
		}
		if argv[9] == "1" && (v.list || string(v.str) != argv[10]) {
			continue
		}
		keys = append(keys, key)
	}
	if len(keys) > limit {
		return appendError(nil, "LIMIT more keys match than LIMIT allows; nothing was removed")
	}
	slices.Sort(keys)
	for _, key := range keys {
		if remove {
			delete(s.db(p), key)
			s.touch(p.DB, key)
		}
	}
	return appendInt(nil, len(keys))
}
