package vet

import (
	"errors"
	"strings"

	"github.com/yuin/gopher-lua/ast"
	"github.com/yuin/gopher-lua/parse"
)

const (
	maxText  = 256 << 10 // bytes of a script: far beyond one that a person can review
	maxDepth = 150       // of nesting: Lua itself stops at 200
	maxNodes = 40_000    // statements and expressions
)

// parse reads the text. Where the parser and a server's Lua differ, the text is refused: they must mean the same program.
func (c *checker) parse() ([]ast.Stmt, bool) {
	text := c.script.Text
	if first, _, _ := strings.Cut(text, "\n"); strings.HasPrefix(first, "#!lua") { // it is the server's, not Lua's
		text = strings.Repeat(" ", len(first)) + text[len(first):]
	}
	if len(text) > maxText {
		c.reportAt(position{1, 1}, ruleUnprovable, "the text is longer than %d bytes", maxText)
		return nil, false
	}
	line, start := 1, 0
	for i := range len(text) {
		switch ch := text[i]; {
		case ch == '\n':
			line, start = line+1, i+1
		case ch < ' ' && ch != '\t' && !(ch == '\r' && strings.HasPrefix(text[i:], "\r\n")), ch == 0x7f:
			c.reportAt(position{line, i - start + 1}, ruleSyntax, "there is a control character, 0x%02x", ch)
			return nil, false
		}
	}
	chunk, err := parse.Parse(strings.NewReader(text), c.script.File)
	if err != nil {
		var e *parse.Error
		if !errors.As(err, &e) {
			c.reportAt(position{1, 1}, ruleUnprovable, "it can't be parsed: %v", err)
			return nil, false
		}
		p := position{e.Pos.Line, max(e.Pos.Column, 1)}
		if e.Pos.Line == parse.EOF {
			p = position{line, len(text) - start + 1}
			c.reportAt(p, ruleSyntax, "%s at the end of the text", e.Message)
			return nil, false
		}
		c.reportAt(p, ruleSyntax, "%s near %q", e.Message, e.Token)
		return nil, false
	}
	c.end = position{line, max(len(text)-start, 1)}
	return chunk, c.locate(text, chunk)
}
