// Package difftest tests the proxy from outside, against real servers. It has no code of its own, only tests:
//
//   - Differential: the same bytes go to a server and, through the proxy, to an equal one; everything that comes back
//     is compared. What varies by nature is made alike by the rules of normal_test.go; what may differ stands in
//     testdata/allowed.txt with its reason, and an allowance that nothing needs fails the test.
//   - Connection state: conversations of several clients, one file in testdata/rows for each row of the table in
//     docs/sessions.md, in both protocols, command by command and as pipelines, cut and uncut.
//   - Isolation: under load, with clients and upstream connections dying, nobody gets anybody else's reply.
//   - Bounds: memory and descriptors of the real binary, as a child process, under attack and in idleness.
//   - PURGE among writers; hostile upstreams and clients; draining.
//
// The servers are redistest's. Tests of the binary read /proc and so run on Linux only; the others run wherever there
// is a server.
package difftest
