// Package sim is a world to try sessions and upstream links in: a clock, a
// network and a Redis that exist only in memory and do everything from one seed.
//
//	w := sim.NewWorld(seed)
//	env := upstream.Env{World: w, Scripts: w.Server, …}
//	for w.Step() {
//	}
//
// # What it promises
//
// The same seed and the same calls give the same history. Bytes arrive in pieces
// of any size and at any time, but in order and unchanged until a connection is
// cut, which can happen at any byte. A slice that a handler was given is
// overwritten as soon as the handler returns, so that one who kept it reads
// nonsense at once. The server remembers of every command that carried a mark
// (see Mark) how often it ran, where, and what it was answered.
//
// # What it does not know
//
// Sessions, clients, and what is right: that is for the test that uses it. The
// server knows the commands that tests send and no others, and answers those as
// Redis 7 does.
package sim
