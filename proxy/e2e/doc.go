// Package e2e holds tests of the whole proxy, from the client's socket to the
// server's: TLS on both sides, unix and IPv6 sockets, the embedded server, the
// admin address, draining, users and their rights.
//
// # What the tests promise
//
// Each starts its own servers and its own proxy, on loopback, and ends them. None
// needs a network or another test's leavings. Certificates are made as they are
// needed. A server is the installed redis-server; where rights or limits differ
// by server, each server that package redistest finds.
//
// # Measurements
//
// The benchmarks are where the numbers of docs/performance.md and docs/purge.md
// come from:
//
//	go test ./proxy/e2e -run '^$' -bench Purge -benchtime 1x -count 3
//	go test ./proxy/e2e -run '^$' -bench Idle -benchtime 1x -count 3
//
// # What it does not know
//
// Whether replies equal a server's byte for byte under every command, and what
// happens when connections break at the worst moment: package difftest has that.
package e2e
