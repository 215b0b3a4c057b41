//go:build unix

package redistest

import (
	"os"
	"syscall"
)

func terminate(p *os.Process) error       { return p.Signal(syscall.SIGTERM) }
func pauseProcess(p *os.Process) error    { return p.Signal(syscall.SIGSTOP) }
func continueProcess(p *os.Process) error { return p.Signal(syscall.SIGCONT) }
