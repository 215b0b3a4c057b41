package proxy

import "github.com/atomicproxy/atomicproxy/proxy/tally"

// Stats is what /metrics is made from. Snapshot is called once a scrape, from
// any goroutine; it must not wait for ever, and what it returns must not change
// afterwards.
type Stats interface{ Snapshot() Snapshot }

// Snapshot is the state of all loops at about one moment. Counters only ever
// grow while the process lives.
type Snapshot struct {
	Loops []LoopStats // in the order of the loops, which keep their places
}

// LoopStats are the counts of one event loop, which alone writes them: plain
// fields, no atomics. A snapshot takes a Clone of it on the loop.
type LoopStats struct {
	Clients  int64 // connected now
	Accepted Count // clients ever
	InFlight int64 // commands sent upstream whose reply is not here yet

	Commands CommandCounts
	Purge    PurgeCounts
	Latency  Histogram // from a command's last byte to its reply's first, of commands that went upstream

	Upstreams  UpstreamCounts
	Reconnects Count // upstream connections that were lost and had to be opened again

	Errors Counters // error replies from upstreams, by their first word
	Closed Counters // client connections ended, by reason
	Panics Count    // handlers that panicked; each closed its connection

	BytesIn, BytesOut                 Count // from and to clients
	UpstreamBytesIn, UpstreamBytesOut Count // from and to upstreams
}

// CommandCounts tells how the commands were dealt with; each is counted once.
type CommandCounts struct {
	Forwarded Count // as they came, over a shared connection
	Pinned    Count // as they came, over the client's own connection
	Custom    Count // the proxy's own commands, such as PURGE
	Local     Count // answered by the proxy
	Refused   Count // by policy
}

// PurgeCounts are about PURGE.
type PurgeCounts struct {
	Running int64     // those in steps (SNAPSHOT, SWEEP) that are under way
	Scanned Count     // keys, about, that those have looked at
	Removed Count     // keys removed, in every mode
	Steps   Histogram // how long each step kept the upstream busy, as seen from here
}

// UpstreamCounts are the connections to the upstream, by what they do now.
type UpstreamCounts struct {
	Connecting int64 // dialling, TLS, or the first exchange
	Shared     int64
	Pinned     int64
	Free       int64 // pinned before, clean, kept for the next who needs one
}

// Clone copies s with its maps, so that the copy can leave the loop.
func (s *LoopStats) Clone() LoopStats {
	c := *s
	c.Errors, c.Closed = s.Errors.Clone(), s.Closed.Clone()
	return c
}

// The counts' kinds come from package tally, which every layer below may use.
type (
	Count     = tally.Count
	Counters  = tally.Counters
	Histogram = tally.Histogram
)
