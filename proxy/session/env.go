package session

import (
	"log/slog"
	"time"

	"github.com/atomicproxy/atomicproxy/commands"
	"github.com/atomicproxy/atomicproxy/proxy/resp"
	"github.com/atomicproxy/atomicproxy/proxy/tally"
	"github.com/atomicproxy/atomicproxy/proxy/upstream"
)

// Client is the connection to the client, as a session needs it.
type Client interface {
	// Send queues bytes for the client; it copies them.
	Send(b []byte)
	SendString(s string)
	// Pause and Resume stop and go on taking the client's bytes.
	Pause()
	Resume()
	// Finish closes the connection once everything sent is written.
	Finish(reason Reason)
	// Abort closes the connection at once.
	Abort(reason Reason)
}

// Reason says why a client's connection ended; its text is in the log and is
// the label of the metric.
type Reason string

// The reasons. Each names the side that ended the connection.
const (
	ClientEOF      Reason = "client_closed"
	ClientReset    Reason = "client_reset"
	ClientQuit     Reason = "client_quit"
	ProtocolError  Reason = "client_protocol_error"
	CrossProtocol  Reason = "client_other_protocol"
	OutputLimit    Reason = "client_output_limit"
	OutputTotal    Reason = "total_output_limit"
	InputTotal     Reason = "total_input_limit"
	UpstreamLost   Reason = "upstream_lost_state"
	UpstreamDenied Reason = "upstream_refused_user"
	Draining       Reason = "proxy_draining"
	TooManyLinks   Reason = "upstream_max_pinned"
	TooManyClients Reason = "proxy_max_clients"
	Killed         Reason = "client_killed"
)

// Ours reports whether the proxy or the upstream ended the connection, and not
// the client: what an operator wants to read about.
func (r Reason) Ours() bool {
	switch r {
	case ClientEOF, ClientReset, ClientQuit, Draining:
		return false
	}
	return true
}

// Env is what all sessions of a loop share. Only the loop touches it.
type Env struct {
	Table    *Table // what each command name means now
	Registry *commands.Registry
	Links    *upstream.Set
	Scripts  upstream.Scripts
	Gate     *Gate
	Post     func(func()) // runs a function on this loop, from any goroutine
	// Default is the identity of a session that has not authenticated.
	Default upstream.Identity
	// AuthRequired: the upstream demands authentication of Default.
	AuthRequired bool
	// RewriteMax bounds in bytes a command that has to be buffered whole.
	RewriteMax int
	// InputMax bounds in bytes the incomplete commands of all sessions.
	InputMax int
	Buffered int // bytes of incomplete commands held now
	Counts   Counts
	// Directory finds the sessions of all loops.
	Directory *Directory
	// Multiplex: sessions share links. Without it each has its own from the start.
	Multiplex bool
	// RawLua: clients may send scripts of their own.
	RawLua bool
	// Learn takes each script of a client's own that this loop has not seen; nil:
	// nobody wants to know. False: there was no room for it now.
	Learn func(c Client, s Learned) bool
	// Report puts a report of PROXY together and calls done on this loop, some
	// time later and within a bounded time.
	Report func(r Report, done func(text string))
	// PurgeStep is how long a step of PURGE … SWEEP may keep the upstream busy.
	PurgeStep time.Duration
	// Purges are the PURGEs in steps of all loops.
	Purges *Purges
	// Log is for what operators are to know of PURGE; nil: nobody is told.
	Log *slog.Logger
	// Address tells where a client is, for Log and PROXY PURGES; nil: it is not known.
	Address func(Client) string

	learned learned       // scripts that Learn has taken
	look    resp.Requests // scratch: looks ahead for an EXEC
	args    [][]byte      // scratch: a command's arguments
	frame   []byte        // scratch: an inline or lenient command encoded anew
	call    []byte        // scratch: what a custom command becomes
}

// Counts are commands by what became of them.
type Counts struct {
	Forwarded uint64 // sent on a shared link as they were
	Pinned    uint64 // sent on a session's own link
	Custom    uint64 // rewritten to EVALSHA
	Local     uint64 // answered by the proxy
	Refused   uint64 // refused by policy
	Healed    uint64 // sent again after a NOSCRIPT

	Purging      int64           // PURGEs in steps that are under way
	PurgeScanned uint64          // keys, about, that these have looked at
	PurgeRemoved uint64          // keys that PURGE in any mode has removed
	PurgeSteps   tally.Histogram // how long each step kept the upstream busy
}
