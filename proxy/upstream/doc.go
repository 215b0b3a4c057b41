// Package upstream keeps the connections to the Redis or Valkey behind the
// proxy, and knows whose turn it is on each.
//
// A Link is one logical upstream connection. It outlives the network
// connections that carry it: when one is lost, what was not sent waits for the
// next one, what is safe to run again is sent again, and the rest is answered
// honestly. A link that belongs to nobody is shared by all clients of a loop; a
// pinned link belongs to one session.
//
// # Promises
//
//   - One reply for each command, in the order in which the commands were sent.
//     The in-flight ring is the only truth about whose turn it is.
//   - Never somebody else's reply. Any doubt (a reply that is not RESP, a reply
//     too many) closes the network connection and fails what was in flight.
//   - A command is written whole or not at all, and at most once unless it is
//     known to be safe to repeat.
//   - A new network connection begins with its greeting (AUTH, HELLO, SELECT,
//     and the marker that proves the scripts are there); nothing else is sent
//     before the greeting's replies.
//
// # What it does not know
//
// Sessions, policy, and what a command means: it asks its Env. It does no I/O
// of its own either. Everything here runs on one event loop and takes no lock.
package upstream
