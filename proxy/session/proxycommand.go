package session

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/atomicproxy/atomicproxy/commands"
	"github.com/atomicproxy/atomicproxy/proxy/resp"
	"github.com/atomicproxy/atomicproxy/proxy/upstream"
)

// Report is what a subcommand of PROXY shows.
type Report uint8

// The reports, in the order of their tags.
const (
	ReportHelp Report = iota
	ReportInfo
	ReportClients
	ReportCommands
	ReportPurges // the PURGEs in steps
	ReportPurge  // PURGE CANCEL id
)

const (
	proxyDenied  = "-DENIED PROXY is for users who have the right to @admin commands of the upstream: SLOWLOG LEN is what it asks for\r\n"
	proxyInMulti = "-ERR Command not allowed inside a transaction\r\n"
	proxyRaw     = "-DENIED PROXY is not answered on a connection that holds state of its own, such as subscriptions: use another one\r\n"
)

// mayAdmin is the question whether a user has admin rights. Servers from 6.0 on
// have it, in @admin, and it changes nothing.
var mayAdmin = resp.AppendCommandStrings(nil, "SLOWLOG", "LEN")

// askProxy asks the upstream whether the user may see what PROXY shows. What
// follows waits for the answer: it is put together on other loops.
func (s *Session) askProxy(c *command) bool {
	report, fault := proxyReport(c)
	switch {
	case s.raw:
		return s.refuse(proxyRaw)
	case s.mayBeInMulti() && s.inflight > 0: // an EXEC may be among it
		s.held |= heldIdle
		return false
	case s.mayBeInMulti():
		return s.refuse(proxyInMulti)
	case fault != "":
		s.local(fault)
		return true
	}
	if report == ReportPurge {
		s.subject, _ = strconv.ParseInt(string(c.args(nil)[3]), 10, 64)
	}
	if !s.send(mayAdmin, upstream.Inspect, tagProxyHelp+uint8(report)) {
		return false
	}
	s.held |= heldIdle
	return true
}

// proxyReport finds what is asked for, or Redis's error for what is not there.
func proxyReport(c *command) (r Report, fault string) {
	if c.argc < 2 {
		return 0, "-ERR wrong number of arguments for 'proxy' command\r\n"
	}
	name, _, _ := bytes.Cut(c.arg(1), []byte{0})
	low := strings.ToLower(string(name[:min(len(name), 128)]))
	switch low {
	case "help":
		r = ReportHelp
	case "info":
		r = ReportInfo
	case "clients":
		r = ReportClients
	case "commands":
		r = ReportCommands
	case "purges":
		r = ReportPurges
	case "purge":
		if c.argc == 4 && isWord(c.arg(2), "cancel") {
			return ReportPurge, ""
		}
		return 0, "-ERR syntax error: it is PROXY PURGE CANCEL id\r\n"
	default:
		return 0, fmt.Sprintf("-ERR unknown subcommand '%s'. Try PROXY HELP.\r\n", oneLine(string(name[:min(len(name), 128)])))
	}
	if c.argc != 2 {
		return 0, "-ERR wrong number of arguments for 'proxy|" + low + "' command\r\n"
	}
	return r, ""
}

// answerProxy answers PROXY once the upstream has said what the user may do.
func (s *Session) answerProxy(r Report, verdict []byte) {
	unknown := unknownError(verdict)
	whose := "" // everybody's
	switch {
	case unknown && s.env.Table.shown.noACL:
		// A stand-in for a server, that has no users to tell apart.
	case (unknown || bytes.HasPrefix(verdict, []byte("-NOPERM"))) && (r == ReportPurges || r == ReportPurge):
		whose = s.user()
	case unknown, bytes.HasPrefix(verdict, []byte("-NOPERM")):
		s.env.Counts.Refused++
		s.client.SendString(proxyDenied)
		return
	case verdict[0] == '-':
		s.client.Send(verdict) // loading, busy: not about rights
		return
	}
	s.env.Counts.Local++
	switch r {
	case ReportHelp:
		s.client.Send(proxyHelp())
		return
	case ReportPurges:
		s.client.SendString(s.verbatim(s.env.Purges.lines(whose)))
		return
	case ReportPurge:
		s.cancelPurge(whose)
		return
	}
	s.inflight++ // the command is still to be answered
	s.env.Report(r, func(text string) {
		s.inflight--
		if s.gone {
			return
		}
		s.client.SendString(s.verbatim(text))
		if s.inflight == 0 {
			s.settle()
		}
	})
}

// cancelPurge ends the PURGE that was named, after the step that is under way. A
// user without admin rights may end his own.
func (s *Session) cancelPurge(whose string) {
	switch p := s.env.Purges.find(s.subject); {
	case p == nil:
		s.client.SendString(":0\r\n")
	case whose != "" && p.user != whose:
		s.env.Counts.Refused++
		s.client.SendString(proxyDenied)
	default:
		s.client.SendString(":1\r\n")
		p.cancel()
	}
}

// verbatim encodes a text as Redis does that of INFO.
func (s *Session) verbatim(text string) string {
	if s.state.proto == 3 {
		return fmt.Sprintf("=%d\r\ntxt:%s\r\n", len(text)+4, text)
	}
	return fmt.Sprintf("$%d\r\n%s\r\n", len(text), text)
}

func proxyHelp() []byte {
	lines := []string{"PROXY <subcommand>. Subcommands are:"}
	for _, sub := range commands.ProxySubs {
		lines = append(lines, strings.ToUpper(sub.Name)+sub.Args, "    "+sub.Summary)
	}
	var elems [][]byte
	for _, l := range lines {
		elems = append(elems, []byte("+"+l+"\r\n"))
	}
	return joined('*', elems)
}

// AppendClient appends the session's line of PROXY CLIENTS, in the form of CLIENT
// LIST. addr is the client's address, age how long it has been connected.
func (s *Session) AppendClient(dst []byte, addr string, age time.Duration) []byte {
	id := s.identity()
	user, proto := "default", 2
	if id.Auth && id.User != "" {
		user = id.User
	}
	if id.Proto == 3 {
		proto = 3
	}
	yesNo := map[bool]string{true: "yes", false: "no"}
	return fmt.Appendf(dst, "id=%d addr=%s name=%s age=%d user=%s db=%d resp=%d pinned=%s multi=%s inflight=%d qbuf=%d lib-name=%s lib-ver=%s\n",
		s.listing.id, addr, field(id.Name), int(age.Seconds()), field(user), id.DB, proto, yesNo[s.pinned], yesNo[s.mayBeInMulti()],
		s.inflight, len(s.in), field(id.LibName), field(id.LibVersion))
}

// field keeps a value from looking like more fields, or lines.
func field(s string) string { return strings.ReplaceAll(printable(s), " ", "?") }

func unknownError(reply []byte) bool {
	return reply[0] == '-' && bytes.Contains(reply, []byte("unknown"))
}
