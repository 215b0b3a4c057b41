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
// # The first form
//
// A session that makes connection state is pinned to an upstream link of its
// own from then on. That is exact, and costs one upstream connection.
//
// # What it does not know
//
// Sockets, loops, configuration files. Everything runs on one event loop.
package session
