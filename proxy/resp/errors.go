package resp

// A ProtocolError is a request that is not one. The client gets "-ERR " + Text and
// is closed after it, as Redis does.
type ProtocolError struct {
	Text string // one line without CR and LF, beginning with "Protocol error: "
}

func (e *ProtocolError) Error() string { return e.Text }

// The errors are values made once, so that a flood of bad frames costs no memory.
var (
	errCountLine  = &ProtocolError{"Protocol error: too big mbulk count string"}
	errCount      = &ProtocolError{"Protocol error: invalid multibulk length"}
	errCountAuth  = &ProtocolError{"Protocol error: unauthenticated multibulk length"}
	errBulkLine   = &ProtocolError{"Protocol error: too big bulk count string"}
	errBulk       = &ProtocolError{"Protocol error: invalid bulk length"}
	errBulkAuth   = &ProtocolError{"Protocol error: unauthenticated bulk length"}
	errInlineLong = &ProtocolError{"Protocol error: too big inline request"}
	errQuotes     = &ProtocolError{"Protocol error: unbalanced quotes in request"}
	errInlineNUL  = &ProtocolError{"Protocol error: NUL byte in inline request"}
)

// errExpected is Redis's complaint about a bulk that begins with got. Redis prints
// any byte as it is, and CR and LF as a space, so that its error stays one line.
func errExpected(got byte) *ProtocolError {
	if got == '\r' || got == '\n' {
		got = ' '
	}
	return &ProtocolError{"Protocol error: expected '$', got '" + string([]byte{got}) + "'"}
}

// A ReplyError is a reply that is not RESP or exceeds a bound. Where the next
// reply begins is then unknown: the connection must be closed.
type ReplyError struct {
	Text string
}

func (e *ReplyError) Error() string { return "invalid reply: " + e.Text }

var (
	errLine     = &ReplyError{"a line does not end in CRLF"}
	errLong     = &ReplyError{"a number's line is too long"}
	errBulkEnd  = &ReplyError{"a bulk is not followed by CRLF"}
	errNumber   = &ReplyError{"not an integer"}
	errBool     = &ReplyError{"not a boolean"}
	errNull     = &ReplyError{"not a null"}
	errLength   = &ReplyError{"a length is invalid or exceeds its bound"}
	errDepth    = &ReplyError{"nested too deep"}
	errStreamed = &ReplyError{"streamed types are not supported"}
)

// errType reports a byte that begins no type.
func errType(c byte) *ReplyError {
	const hex = "0123456789abcdef"
	return &ReplyError{"unknown type byte 0x" + string([]byte{hex[c>>4], hex[c&15]})}
}
