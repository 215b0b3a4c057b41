package session_test

// kind says by which rules a reply is judged.
type kind uint8

const (
	plain    kind = iota // the server's own reply
	custom               // a command of the catalogue: the server's, or TRYAGAIN
	stepwise             // PURGE with SNAPSHOT or SWEEP: a number, or why not
	refused              // text, and nothing ran
	multi                // MULTI
	exec                 // EXEC of block
	discard              // DISCARD of block
	watch                // WATCH of keys
	unwatch              // UNWATCH
	selectDB             // SELECT
	hello                // HELLO
	auth                 // AUTH
	setName              // CLIENT SETNAME
	getName              // CLIENT GETNAME
	clientID             // CLIENT ID
	wait                 // WAIT
	quit                 // QUIT
	reset                // RESET
	broken               // what is no command: text, and the connection closes
)

// cmd is one command that a client has sent, or is about to.
type cmd struct {
	kind   kind
	mark   string
	name   string
	block  *block // that it is queued in; also of EXEC and DISCARD
	arg    string // of SELECT, HELLO, SETNAME, AUTH (the user), WATCH (the key)
	text   string // the only right reply, where the proxy's own is known
	write  bool
	again  bool // may run twice
	raw    bool // sent after what pins the session for good
	breaks int  // connections lost when it was made up
	at     int64
	ends   []*cmd // the WATCHes that it ends
	fails  bool   // may be sent as a call of the script that fails
	notRun bool   // the client was told that it did not run
	reply  byte   // first byte of the reply, 0: none yet
}

// block is one MULTI … EXEC.
type block struct {
	id       string
	client   *player
	begin    *cmd
	cmds     []*cmd // queued, in order
	poisoned bool   // holds a command that is refused: EXEC must abort
	db       string // that SELECT in it leads to, if it runs
	guards   []*cmd // the WATCHes that must still hold when it runs
	notRun   bool   // the client was told so
	ran      bool
	untold   bool // MULTI itself was answered by an error
}
