// Package bench measures the proxy beside what it stands beside: a Redis server directly, HAProxy in TCP mode, twemproxy, and a
// bare relay that only copies bytes.
//
//	report, err := bench.Run(ctx, bench.Options{Binary: exe, Rounds: 3, Duration: 2 * time.Second, Log: os.Stderr})
//	report.Markdown(os.Stdout)
//
// # What it promises
//
// One run starts everything that it needs on free loopback ports, with temporary files, and has ended all of it when it returns; on
// Linux the children also end with this process, however that ends. What is compared is measured in turn, case by case, within
// a round; the order moves on by one in each round, and a report shows medians over rounds. One load generator, on the same event
// loops as the proxy's, serves every target of a case alike. A target that is not installed, or that can't do a case, is a note.
//
// A reply that is an error, a connection that ends and a target that stops answering fail the sample: nothing is counted that was
// not answered as it should be.
//
// # What it does not know
//
// It knows no network but loopback. Server, proxy and generator share the machine's processors, so that what one takes the
// others lack; CPU time per command is the number that says most about another machine. CPU time and resident memory are read
// from /proc and missing elsewhere. It judges nothing: a report has the wanted ratios beside those that were measured.
package bench
