package scripts

import (
	"fmt"
	"io/fs"
	"strings"
)

// include begins the line that a part stands for. The rest of the line is the part's file name.
const include = "-- include "

// Line says where a line of an expanded text came from.
type Line struct {
	Part string // "part/reply.lua"; "": the text itself
	Line int    // from 1
}

// Expand replaces each line "-- include NAME.lua" of a script by the embedded part of that name, and says where each line
// of the result came from. A part that is not there, or is named twice, is an error. Parts hold no includes themselves.
func Expand(text string) (expanded string, lines []Line, err error) {
	var out strings.Builder
	seen := map[string]bool{}
	n := 0
	for line := range strings.Lines(text) {
		n++
		name, is := strings.CutPrefix(line, include)
		if !is {
			out.WriteString(line)
			lines = append(lines, Line{"", n})
			continue
		}
		name = "part/" + strings.TrimSpace(name)
		if seen[name] {
			return "", nil, fmt.Errorf("line %d: %s is included twice", n, name)
		}
		seen[name] = true
		part, err := fs.ReadFile(FS, name)
		if err != nil {
			return "", nil, fmt.Errorf("line %d: there is no %s to include", n, name)
		}
		i := 0
		for line := range strings.Lines(string(part)) {
			i++
			out.WriteString(line)
			lines = append(lines, Line{name, i})
		}
	}
	return out.String(), lines, nil
}
