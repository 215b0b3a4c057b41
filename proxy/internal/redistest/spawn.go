package redistest

import (
	"os/exec"
	"runtime"
	"sync"
)

type spawnRequest struct {
	cmd *exec.Cmd
	err chan<- error
}

var spawner = sync.OnceValue(func() chan<- spawnRequest {
	requests := make(chan spawnRequest)
	go spawnForever(requests)
	return requests
})

// spawnForever starts processes for as long as the test process lives. Linux sends a child its death signal when the
// *thread* that started it ends, and Go ends a thread whose locked goroutine returns: an event loop in the test would
// take a server with it. This thread never ends.
func spawnForever(requests <-chan spawnRequest) {
	runtime.LockOSThread()
	for r := range requests {
		r.err <- r.cmd.Start()
	}
}

// Spawn starts cmd as cmd.Start does; on Linux the child is killed when this process ends, however it ends. The
// caller waits for the child.
func Spawn(cmd *exec.Cmd) error {
	dieWithParent(cmd)
	err := make(chan error)
	spawner() <- spawnRequest{cmd, err}
	return <-err
}
