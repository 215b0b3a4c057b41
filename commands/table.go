package commands

// Handling is the kind of upstream connection that a command may travel on.
type Handling uint8

const (
	// Share: leaves nothing behind on its connection, so it may share one with other clients.
	Share Handling = iota
	// Pin: makes or needs connection state that ends by itself or can be made again on another connection.
	Pin
	// Block: as Pin, and the reply may be long in coming. Nobody else may wait behind it.
	Block
	// Keep: makes state that nothing reliably undoes, or may make some that we know nothing of: the connection is the
	// session's until RESET or the end, and is closed afterwards.
	Keep
	// Refuse: never sent on. The answer is "-DENIED " and Why, or Reply.
	Refuse
	// Script: a client's own Lua; sent on (pinned) only where the configuration allows it, else as Refuse.
	Script
	// Close: not a command but another protocol's first words. The connection is closed without an answer, as Redis does.
	Close
	// Local: answered by the proxy.
	Local
)

var handlingNames = [...]string{"Share", "Pin", "Block", "Keep", "Refuse", "Script", "Close", "Local"}

func (h Handling) String() string { return handlingNames[h] }

// Op is what a session must watch for when the command passes, beyond where it travels.
type Op uint8

const (
	OpNone Op = iota
	OpMulti
	OpExec
	OpDiscard
	OpWatch
	OpUnwatch
	OpSelect
	OpAuth
	OpHello
	OpReset
	OpQuit
	OpClientSetName
	OpClientSetInfo
	OpClientGetName
	OpClientID
	OpClientReply
	OpMonitor
	// OpSubscribe is the whole family: (P|S)SUBSCRIBE and (P|S)UNSUBSCRIBE.
	OpSubscribe
	// OpScan commands carry a cursor, which is worthless on another server. SCAN and CLUSTERSCAN have it as their first
	// argument, HSCAN, SSCAN and ZSCAN as their second.
	OpScan
	// OpBlockOption commands (XREAD, XREADGROUP) block only if a BLOCK token stands before STREAMS; without it they are Share.
	OpBlockOption
	// OpWait commands (WAIT, WAITAOF) speak of the last write of the connection that they are sent on.
	OpWait
	// OpOvertake commands stop something that is in flight, so they must not wait behind it: CLIENT KILL, PAUSE, UNPAUSE
	// and UNBLOCK, SCRIPT KILL, FUNCTION KILL, SHUTDOWN, FAILOVER.
	OpOvertake
)

// Command is one entry of the reviewed list. Entries are shared and must not be changed.
type Command struct {
	Name     string              // lower case; a subcommand's is "client|kill", as in ACL rules
	Handling Handling            // for a container: that of its bare name, which every server answers with an arity error
	Op       Op                  //
	Subs     map[string]*Command // a container's known subcommands by their lower-case names; nil: not a container
	Why      string              // for Refuse and Script: the text after "-DENIED "
	Reply    string              // for Refuse: if not empty, the complete error (without "-" and CRLF) in place of DENIED

	other *Command // what an unknown subcommand is
}

// Sub returns the entry of the subcommand arg, in any letter case. One that is not known is whatever the container's
// worst subcommand may be: Script for SCRIPT and FUNCTION, Keep for all others. It returns c itself if c is not a container.
func (c *Command) Sub(arg []byte) *Command {
	if c.Subs == nil {
		return c
	}
	var buf [maxName]byte
	if len(arg) > len(buf) {
		return c.other
	}
	for i, b := range arg {
		buf[i] = lower(b)
	}
	if s := c.Subs[string(buf[:len(arg)])]; s != nil {
		return s
	}
	return c.other
}

// Lookup returns the entry of a command's name, in any letter case, or nil if the name is not on the list. It does not
// allocate. A name with a NUL byte is never on the list, although a server may take it for the command before the NUL.
func Lookup(name []byte) *Command {
	c, _ := index.Find(name)
	return c
}

const maxName = 24 // bytes; the longest name on the list has 20 (georadiusbymember_ro)

var index = buildIndex(reviewed())

func buildIndex(list []*Command) *Index[*Command] {
	m := make(map[string]*Command, len(list))
	for _, c := range list {
		if m[c.Name] != nil {
			panic("commands: listed twice: " + c.Name)
		}
		m[c.Name] = c
	}
	return NewIndex(m)
}

// hashFold may fold more bytes together than letters: equalFold decides.
func hashFold(name []byte) uint32 {
	h := uint32(len(name))
	for _, b := range name {
		h = h*31 + uint32(b|0x20)
	}
	return h ^ h>>11
}

func equalFold(name []byte, low string) bool {
	if len(name) != len(low) {
		return false
	}
	for i, b := range name {
		if lower(b) != low[i] {
			return false
		}
	}
	return true
}

func lower(b byte) byte {
	if b-'A' < 26 {
		return b | 0x20
	}
	return b
}
