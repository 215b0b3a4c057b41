//go:build !linux

package bench

import (
	"os/exec"
	"runtime"
	"time"
)

func dieWithUs(*exec.Cmd) {}

// yieldToOthers does nothing: there is no common way to lower a priority.
func yieldToOthers() {}

// allowFiles: Go has raised the limit for this process; what its children get is the system's default.
func allowFiles() int { return 1 << 10 }

// Without /proc these numbers are missing from the report.

func cpuTime(int) (time.Duration, bool) { return 0, false }
func busyTime() (time.Duration, bool)   { return 0, false }
func residentBytes(int) (int64, bool)   { return 0, false }
func kernel() string                    { return runtime.GOOS }
