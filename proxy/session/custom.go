package session

import (
	"bytes"

	"github.com/atomicproxy/atomicproxy/commands"
	"github.com/atomicproxy/atomicproxy/proxy/resp"
	"github.com/atomicproxy/atomicproxy/proxy/upstream"
)

const (
	tryAgain  = "-TRYAGAIN script cache was emptied; nothing was executed\r\n"
	queueFull = "-TRYAGAIN too many keyspace scans wait for this upstream already; nothing was executed\r\n"
	// maxHeals bounds how often one command is sent again for a missing script.
	maxHeals = 5
	// keepScratch is the capacity in bytes that a scratch buffer keeps.
	keepScratch = 1 << 20
	keepArgs    = 1 << 12 // and that of the argument list, in arguments
)

// args returns all arguments of the command, the name first.
func (c *command) args(dst [][]byte) [][]byte { return resp.AppendArgs(dst, c.frame) }

// custom rewrites a custom command into EVALSHA, or into what the upstream has
// instead, and sends it.
func (s *Session) custom(v *verb, c *command) bool {
	up := &s.env.Table.Upstream
	s.env.args = c.args(s.env.args[:0])
	out, call, err := v.custom.RewriteFor(s.env.call[:0], s.env.args, up, s.state.proto)
	clear(s.env.args)
	if cap(out) <= keepScratch {
		s.env.call = out[:0]
	}
	if cap(s.env.args) > keepArgs {
		s.env.args = nil
	}
	switch {
	case err != nil:
		return s.badCustom(err, up)
	case call.Pass:
		return s.forward(v.base, c)
	case call.Steps != nil:
		return s.beginPurge(call.Steps, c)
	}
	tag := tagCustom
	if call.Gate {
		tag = tagScan
		switch s.enterGate() {
		case gateFull:
			s.env.Counts.Local++
			return s.refuse(queueFull)
		case gateWaiting:
			return false
		}
	}
	if !s.room() {
		return false // a granted scan stays granted until it is sent
	}
	s.env.Counts.Custom++
	if !call.ReadOnly {
		s.wroteOn()
	}
	if call.Gate {
		s.auditScan(c, call.ReadOnly)
	}
	if s.raw {
		s.rawCustom = true
		s.link.SendRaw(out)
		s.leaveGate() // its reply cannot be told from others
		return true
	}
	if tag == tagScan {
		s.gate = gateRunning
		if s.pinned {
			s.link.ResumeReading()
		}
	}
	s.inflight++
	s.link.Send(s, out, 1, upstream.Inspect, tag)
	return true
}

// badCustom answers a custom command whose arguments are wrong. In a MULTI, as
// for a native command, wrong arity aborts it, while a syntax error is that
// element's reply.
func (s *Session) badCustom(err *commands.Error, up *commands.Upstream) bool {
	text := "-" + err.Text + "\r\n"
	if err.Aborts() || !up.Scripts || !s.raw && !s.mayBeInMulti() {
		s.env.Counts.Local++
		return s.refuse(text)
	}
	s.rawCustom = s.rawCustom || s.raw
	return s.send(s.env.Registry.AppendFail(nil, err.Code, up), upstream.Inspect, tagCustom)
}

// answerCustom handles the reply to a rewritten command. NOSCRIPT is ours to
// absorb: nothing was executed.
func (s *Session) answerCustom(tag uint8, reply, frame []byte) {
	if !bytes.HasPrefix(reply, []byte("-NOSCRIPT")) {
		s.heals = 0
		s.auditReply(tag, reply)
		s.client.Send(reply)
		s.leaveIfScan(tag)
		return
	}
	if s.inflight > 0 || s.heals >= maxHeals || s.ending {
		// Something of this client was sent after it, and may have run: sending
		// this one again now would be out of order.
		s.heals = 0
		s.auditReply(tag, []byte(tryAgain))
		s.client.SendString(tryAgain)
		s.leaveIfScan(tag)
		return
	}
	s.heals++
	s.inflight++ // the command is still to be answered
	s.held |= heldScript
	command, link := bytes.Clone(frame), s.link
	s.env.Scripts.Load(scriptOf(frame), func(err error) {
		if s.gone || s.pinned && s.link != link {
			s.leaveIfScan(tag)
			return
		}
		if !s.pinned && !s.link.Shared() { // another session has taken it over
			s.join(upstream.Key{Identity: s.identity()})
		}
		if err != nil {
			s.inflight--
			s.auditReply(tag, []byte(tryAgain))
			s.client.SendString(tryAgain)
			s.leaveIfScan(tag)
		} else {
			s.env.Counts.Healed++
			s.link.Send(s, command, 1, upstream.Inspect, tag)
			s.wroteOn() // perhaps another connection than the first time
		}
		s.release(heldScript)
		s.settle()
	})
}

// scriptOf returns the SHA1 of the script that a call names.
func scriptOf(frame []byte) string {
	c, _ := parse(frame)
	return string(c.arg(1))
}
