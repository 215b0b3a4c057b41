package proxy

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sort"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// maxConfigFile bounds, in bytes, what LoadFile reads: a path that names a log
// or a device by mistake must not fill memory.
const maxConfigFile = 1 << 20

// LoadFile lays the TOML file at path over c. It is strict: an unknown key, a
// wrong type or a value that can't be read is a problem with its line. All are
// reported at once, as a *ConfigError; the good keys are applied all the same.
// A file that can't be read is another error.
func LoadFile(path string, c *Config) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxConfigFile+1))
	if err != nil {
		return err
	}
	if len(text) > maxConfigFile {
		return fmt.Errorf("%s: larger than %s: not a configuration file", path, FormatSize(maxConfigFile))
	}
	return loadTOML(path, text, c)
}

func loadTOML(path string, text []byte, c *Config) error {
	// Decoded into a map and not into the struct: a struct would stop at the
	// first value of a wrong type, and would not know the lines of good values
	// that turn out to be impossible later.
	doc := make(map[string]any)
	if err := toml.Unmarshal(text, &doc); err != nil {
		return syntaxProblem(path, err)
	}
	l := fileLoader{path: path, lines: keyLines(text), c: c, known: make(map[string]configSetting)}
	for _, s := range c.settings() {
		l.known[s.key] = s
	}
	l.table("", doc)
	sort.SliceStable(l.found, func(i, j int) bool { return l.found[i].line < l.found[j].line })
	var all ConfigError
	for _, f := range l.found {
		all.Problems = append(all.Problems, f.Problem)
	}
	return all.orNil()
}

func syntaxProblem(path string, err error) error {
	var de *toml.DecodeError
	if !errors.As(err, &de) {
		return fmt.Errorf("%s: %w", path, err)
	}
	line, _ := de.Position()
	return &ConfigError{[]Problem{{
		Where: fmt.Sprintf("%s:%d", path, line),
		Key:   strings.Join(de.Key(), "."),
		Text:  strings.TrimPrefix(de.Error(), "toml: "),
	}}}
}

type fileLoader struct {
	path  string
	lines map[string]int
	c     *Config
	known map[string]configSetting
	found []lineProblem
}

type lineProblem struct {
	Problem
	line int
}

func (l *fileLoader) table(prefix string, t map[string]any) {
	for name, v := range t {
		key := joinKey(prefix, name)
		sub, isTable := v.(map[string]any)
		s, isKey := l.known[key]
		switch {
		case isKey:
			l.c.setOrigin(key, l.where(key))
			if err := s.value.setTOML(v); err != nil {
				l.problem(key, err.Error())
			}
		case isTable && l.isPrefix(key):
			l.table(key, sub)
		case l.isPrefix(key):
			l.problem(key, fmt.Sprintf("a table: write [%s] on a line of its own and its keys below, such as %s", key, l.firstBelow(key)))
		default:
			l.problem(key, "no such key"+l.suggest(key))
		}
	}
}

func (l *fileLoader) where(key string) string {
	return fmt.Sprintf("%s:%d", l.path, l.lines[key])
}

func (l *fileLoader) problem(key, text string) {
	l.found = append(l.found, lineProblem{Problem{l.where(key), key, text}, l.lines[key]})
}

func (l *fileLoader) isPrefix(key string) bool { return l.firstBelow(key) != "" }

func (l *fileLoader) firstBelow(key string) string {
	for _, k := range SettingKeys() {
		if strings.HasPrefix(k, key+".") {
			return strings.TrimPrefix(k, key+".")
		}
	}
	return ""
}

// suggest finds what was probably meant: the same name in another table, or a
// name two slips away.
func (l *fileLoader) suggest(key string) string {
	last := key[strings.LastIndexByte(key, '.')+1:]
	best, bestDistance := "", 3
	for _, k := range SettingKeys() {
		if k[strings.LastIndexByte(k, '.')+1:] == last {
			return fmt.Sprintf("; did you mean %s?", k)
		}
		if d := editDistance(key, k); d < bestDistance {
			best, bestDistance = k, d
		}
	}
	if best == "" {
		return "; config.example.toml lists all keys"
	}
	return fmt.Sprintf("; did you mean %s?", best)
}

// editDistance counts the insertions, deletions and replacements from a to b.
// Long keys are not compared: the cost is the product of the lengths.
func editDistance(a, b string) int {
	if len(a) > 64 {
		return len(a)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}

// keyLines finds the line of each key and table. The text must be valid TOML.
func keyLines(text []byte) map[string]int {
	lines := make(map[string]int)
	var p unstable.Parser
	p.Reset(text)
	table := ""
	for p.NextExpression() {
		e := p.Expression()
		switch e.Kind {
		case unstable.Table, unstable.ArrayTable:
			table = noteKey(&p, lines, "", e)
		case unstable.KeyValue:
			noteKeyValue(&p, lines, table, e)
		}
	}
	return lines
}

func noteKeyValue(p *unstable.Parser, lines map[string]int, prefix string, kv *unstable.Node) {
	key := noteKey(p, lines, prefix, kv)
	if v := kv.Value(); v.Kind == unstable.InlineTable {
		for it := v.Children(); it.Next(); {
			noteKeyValue(p, lines, key, it.Node())
		}
	}
}

// noteKey notes each part of a dotted key, for a.b.c = 1 speaks of the table a
// as well. The first mention stands.
func noteKey(p *unstable.Parser, lines map[string]int, prefix string, n *unstable.Node) string {
	key := prefix
	for it := n.Key(); it.Next(); {
		part := it.Node()
		key = joinKey(key, string(part.Data))
		if _, ok := lines[key]; !ok {
			lines[key] = p.Shape(part.Raw).Start.Line
		}
	}
	return key
}

func joinKey(prefix, name string) string {
	if prefix == "" {
		return name
	}
	return prefix + "." + name
}
