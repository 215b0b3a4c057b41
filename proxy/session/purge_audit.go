package session

import (
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/atomicproxy/atomicproxy/commands"
)

// auditing is a PURGE of one step whose record is still to be written.
type auditing struct {
	call  string // as the client sent it, fit for a log; "": there is none
	began int64  // loop time
	db    int
	dry   bool // nothing is removed
}

// user is whom the client's commands run as.
func (s *Session) user() string {
	if s.state.authed && s.state.user != "" {
		return s.state.user
	}
	if id := s.env.Default; id.Auth && id.User != "" {
		return id.User
	}
	return "default"
}

// address is where the client is.
func (s *Session) address() string {
	if s.env.Address == nil {
		return ""
	}
	return s.env.Address(s.client)
}

// audit writes the record of one PURGE: who, from where, what, how many, how long,
// and how it ended. doubt are keys of which it is not known.
func (s *Session) audit(a auditing, removed, doubt int, outcome, text string, more ...slog.Attr) {
	if s.env.Log == nil {
		return
	}
	counted := "removed"
	if a.dry {
		counted = "matched"
	}
	took := time.Duration(s.env.Links.World().Now() - a.began)
	attrs := []any{
		slog.String("user", s.user()), slog.String("client", s.address()), slog.Int("db", a.db), slog.String("call", a.call),
		slog.Int(counted, removed), slog.Duration("took", took), slog.String("outcome", outcome),
	}
	if doubt > 0 {
		attrs = append(attrs, slog.Int("removed_at_most", removed+doubt))
	}
	if text != "" {
		attrs = append(attrs, slog.String("error", text))
	}
	for _, m := range more {
		attrs = append(attrs, m)
	}
	s.env.Log.WithGroup("audit").Info("purge", attrs...)
}

// auditScan begins the record of a PURGE of one step.
func (s *Session) auditScan(c *command, dry bool) {
	if s.env.Log == nil {
		return
	}
	s.scan = auditing{call: commands.Printable(c.args(nil)), began: s.env.Links.World().Now(), db: s.state.db, dry: dry}
}

// auditReply ends it with the reply, if it is one to a scan.
func (s *Session) auditReply(tag uint8, reply []byte) {
	if tag == tagScan && s.scan.call != "" {
		s.audited(string(reply))
	}
}

// audited ends it with the reply. "": there is none that could be told from others,
// or nobody who waits for it.
func (s *Session) audited(reply string) {
	a := s.scan
	if a.call == "" {
		return
	}
	s.scan = auditing{}
	switch {
	case reply == "":
		s.audit(a, 0, 0, "not known", "")
	case reply == queued:
		s.audit(a, 0, 0, "queued", "")
	default:
		n, outcome, text := outcomeOf(reply)
		if !a.dry {
			s.env.Counts.PurgeRemoved += uint64(n)
		}
		s.audit(a, n, 0, outcome, text)
	}
}

// outcomeOf reads a reply: a number is done, an error is its code.
func outcomeOf(reply string) (n int, outcome, text string) {
	reply = strings.TrimSuffix(reply, "\r\n")
	if rest, ok := strings.CutPrefix(reply, "-"); ok {
		code, _, _ := strings.Cut(rest, " ")
		return 0, code, rest
	}
	n, _ = strconv.Atoi(strings.TrimPrefix(reply, ":"))
	return n, "done", ""
}

// report writes the record of a PURGE in steps.
func (p *purge) report(reply string) {
	_, outcome, text := outcomeOf(reply)
	if p.stop != "" && outcome != "done" {
		outcome = "stopped"
	}
	p.s.audit(auditing{p.call, p.began, p.listing.db, p.plan.DryRun}, p.removed, p.doubt, outcome, text,
		slog.Int64("id", p.listing.id), slog.Int("steps", p.pace.steps), slog.Duration("longest_step", p.pace.longest))
}

// logProgress tells how far it is.
func (p *purge) logProgress() {
	if p.env.Log == nil {
		return
	}
	l := p.listing
	p.env.Log.Info("PURGE is under way", "id", l.id, "mode", l.mode, "pattern", l.pattern, "client", l.client, "user", l.user, "db", l.db,
		"scanned", l.scanned.Load(), "of", l.total.Load(), "removed", p.removed, "took", time.Duration(p.now()-p.began),
		"steps", p.pace.steps, "longest_step", p.pace.longest)
}
