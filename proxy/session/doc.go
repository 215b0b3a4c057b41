// Package session is one client's conversation with the proxy: a state machine
// without I/O. It takes the client's bytes, decides what each command is, sends
// it on the shared upstream link or on one of its own, and takes the replies.
//
// # Promises
//
//   - One reply for each command, in the order of the client's commands, the
//     proxy's own answers included.
//   - Nothing that makes connection state reaches a shared link: only commands
//     on the reviewed list of package commands do. Whatever the upstream knows
//     and the list does not is sent on a link of the session's own.
//   - A custom command becomes one EVALSHA of a vetted script. Raw Lua does not
//     pass unless the configuration says so.
//   - State that is lost with its upstream connection is never passed over in
//     silence: an EXEC whose WATCH was lost answers null, one whose MULTI was
//     lost answers EXECABORT, a subscriber is closed.
//
// # Where a session's commands go
//
// A session that holds no connection state sends on a shared link: that of its
// user, db and protocol, which SELECT, AUTH and HELLO change once the upstream
// has accepted them on a link that nobody else is on. While it holds state that
// ends (a MULTI that comes in pieces, WATCH, a blocking command, a command that
// streams) it has a link of its own, taken from a free list and given back
// clean. Commands that make state which nothing reliably undoes (SUBSCRIBE,
// MONITOR, CLIENT TRACKING, whatever we do not know) keep that link until RESET
// or the end. A MULTI … EXEC that arrives whole goes over the shared link in one
// piece.
//
// # What it does not know
//
// Sockets, loops, configuration files. Everything runs on one event loop.
package session
