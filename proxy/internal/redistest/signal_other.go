//go:build !unix

package redistest

import (
	"errors"
	"os"
)

var errNoSignals = errors.New("this system can't stop a process and let it go on")

func terminate(p *os.Process) error     { return p.Kill() }
func pauseProcess(*os.Process) error    { return errNoSignals }
func continueProcess(*os.Process) error { return errNoSignals }
