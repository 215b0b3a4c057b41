// Package resp finds where requests and replies of the Redis protocol end.
//
//	var s resp.Requests
//	lim := resp.DefaultLimits()
//	n, err := s.Next(buf, &lim) // n > 0: buf[:n] is one command
//	name := s.Arg(buf, 0)       // a subslice of buf
//
// # What it promises
//
// A scanner keeps its place inside an incomplete message: work is linear in the
// bytes, however the network cut them, and every cut gives the same messages and
// the same errors. Nothing is buffered, nothing is allocated in steady state, and
// no length that a peer announces is ever allocated ahead. Every announced length
// is checked against a bound before it is used.
//
// Requests ends a client's commands exactly where Redis does, with Redis's own error
// texts: multibulk and inline, with its limits before and after authentication. Redis
// (tried: 6.0 to 8.0) and Valkey up to 8.1 end a line at its '\r' and skip two bytes without
// looking at them; Valkey 9.1 looks and refuses. A command that only the former take
// is framed as they do, but Canonical says that it has to be re-encoded before it is sent on.
//
// Replies is strict, since whatever is doubtful in a server's stream could become
// somebody else's reply: every CRLF must be one, every number must be a number.
// It knows RESP2 and RESP3 with all their types, nested up to MaxDepth.
//
// # What it does not know
//
// It does not know sockets, commands, or which reply answers what. It builds no
// values. Streamed RESP3 types ($?, *? and the like) are refused: no server sends
// them. See Replies for the one reply whose end cannot be told from the reply alone.
package resp
