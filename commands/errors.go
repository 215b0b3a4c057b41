package commands

// Error is why a custom command is not called. Errors are shared and must not be changed.
type Error struct {
	Text  string // complete, without the leading "-" and CRLF: "ERR syntax error". It carries no argument byte unescaped
	Arity bool   // wrong number of arguments, which Redis refuses at queue time: it aborts a MULTI
	Code  int    // the text's number for AppendFail, from 1; 0: none, since such an error aborts a MULTI
}

// Aborts reports whether inside MULTI the error is told at once and makes EXEC abort (wrong arity, refusal by policy,
// what is not to be had here), as opposed to becoming the error of its element.
func (e *Error) Aborts() bool { return e.Arity || e.Code == 0 }

// errorTexts numbers the texts that the fail script can answer.
type errorTexts struct {
	list   []*Error
	byText map[string]*Error

	syntax, notInteger, beyondExact, unknownType, tooLong, tooManyStars, wildcardOnly *Error
}

func newErrorTexts() *errorTexts {
	t := &errorTexts{byText: map[string]*Error{}}
	t.syntax = t.add("ERR syntax error")
	t.notInteger = t.add("ERR value is not an integer or out of range")
	t.beyondExact = t.add("ERR value is beyond 2^53, which needs a server with this command built in")
	t.unknownType = t.add("ERR unknown type name")
	t.tooLong = t.add("LIMIT a pattern or prefix must not be longer than 1024 bytes; nothing was changed")
	t.tooManyStars = t.add("LIMIT a pattern must not have more than 8 stars; nothing was changed")
	t.wildcardOnly = t.aborting("DENIED a pattern without a single literal byte matches every key: name a part of the keys, or let the operator set purge.allow_wildcard_only")
	return t
}

// add numbers a text, or finds it.
func (t *errorTexts) add(text string) *Error {
	if e := t.byText[text]; e != nil {
		return e
	}
	e := &Error{Text: text, Code: len(t.list) + 1}
	t.list = append(t.list, e)
	t.byText[text] = e
	return e
}

// aborting makes an error that has no number.
func (t *errorTexts) aborting(text string) *Error { return &Error{Text: text} }

// typeName is unknownType with the name that the client gave, in Redis's words.
func (t *errorTexts) typeName(name []byte) *Error {
	return &Error{Text: t.unknownType.Text + " '" + escaped(name, 64) + "'", Code: t.unknownType.Code}
}

// escaped makes bytes fit for an error line: nothing that could end it or be taken for its frame, and at most so many.
func escaped(b []byte, most int) string {
	const hex = "0123456789abcdef"
	var out []byte
	for i, c := range b {
		switch {
		case i == most:
			return string(append(out, "..."...))
		case c < ' ' || c > '~' || c == '\'' || c == '\\':
			out = append(out, '\\', 'x', hex[c>>4], hex[c&15])
		default:
			out = append(out, c)
		}
	}
	return string(out)
}
