//go:build !linux

package redistest

import "os/exec"

// dieWithParent does nothing where there is no death signal: a test process that is killed leaves its servers.
func dieWithParent(*exec.Cmd) {}
