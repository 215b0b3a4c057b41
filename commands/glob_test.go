package commands

import (
	"fmt"
	"strings"
	"testing"
)

func TestGlobShape(t *testing.T) {
	for _, tc := range []struct {
		pattern         string
		stars, literals int
	}{
		{"", 0, 0}, {"*", 1, 0}, {"?*", 1, 0}, {"[^x]*", 1, 0}, {"*[a-z]", 1, 0}, {"**", 2, 0}, {"a", 0, 1}, {"a*b", 1, 2},
		{`\*`, 0, 1}, {`\`, 0, 1}, {`*\`, 1, 1}, {`\\*`, 1, 1}, {"[", 0, 0}, {"[a", 0, 0}, {"[a*", 0, 0}, {"[]*", 1, 0}, {"[^]*", 1, 0},
		{`[\]a]*`, 1, 0}, {"[a-]]", 0, 0}, {"[a-]b]c", 0, 1}, {"[ab]c", 0, 1}, {"[*]x", 0, 1}, {"]", 0, 1}, {"[a]]", 0, 1}, {"a-b^c", 0, 5},
	} {
		if s, l := globShape([]byte(tc.pattern)); s != tc.stars || l != tc.literals {
			t.Errorf("%q: %d stars, %d literals; want %d, %d", tc.pattern, s, l, tc.stars, tc.literals)
		}
	}
}

// TestGlobAgainstServers: what we take for wildcards only must match a name that shares no byte with the pattern, of some length,
// and what we take for a pattern with a literal must not match any of those.
func TestGlobAgainstServers(t *testing.T) {
	eachServer(t, func(t *testing.T, s *server) {
		c := s.dial(t).load(loadCatalogue(t, testSettings))
		names := []string{"\x01", "\x01\x01", "\x01\x01\x01", "\x01\x01\x01\x01"}
		c.set(names...)
		for _, p := range []string{"*", "?*", "[^x]*", "**?", "[^", "[^]", "[^a-]]?", "[^a-]", `[^\]]*`, "[^*]", "[^a]]", `\*`, `\`, `*\`, "[^x]a*", "[^a-]b]c", "]*", "?]", `[^\]x]y`} {
			_, literals := globShape([]byte(p))
			r := c.do("SCAN", "0", "MATCH", p, "COUNT", "100")
			if matched := strings.Contains(r, "\x01"); matched != (literals == 0) {
				t.Errorf("%q: matches foreign names: %v, literals %d", p, matched, literals)
			}
		}
	})
}

// TestPrefixEscapes: for each byte, PREFIX finds the names that begin with it and no others.
func TestPrefixEscapes(t *testing.T) {
	eachServer(t, func(t *testing.T, s *server) {
		c := s.dial(t).load(loadCatalogue(t, testSettings))
		var names []string
		for b := range 256 {
			names = append(names, string([]byte{byte(b), 'x'}), string([]byte{'x', byte(b), 'y'}))
		}
		c.set(names...)
		for b := range 256 {
			want := ":1"
			if b == 'x' {
				want = fmt.Sprintf(":%d", 257)
			}
			c.want(want, "PURGE", "PREFIX", string([]byte{byte(b)}), "DRYRUN")
			c.want(":1", "PURGE", "PREFIX", string([]byte{'x', byte(b), 'y'}), "DRYRUN")
		}
	})
}
