package bench

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// tick is the unit of times in /proc: USER_HZ, which is 100 on all of Go's Linux systems.
const tick = 10 * time.Millisecond

func dieWithUs(cmd *exec.Cmd) {
	// A ^C is for this process, which ends its children in order: hence a process group of their own.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}

// yieldToOthers lowers this process's priority: a storm's clients stand for other machines, so what they compute must not be taken
// from those who are measured. Linux keeps a priority for each thread; later ones have that of their maker.
func yieldToOthers() {
	const low = 10
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return // as fast as everybody, then: the measurement is only harder on the target
	}
	for _, t := range threads {
		if id, err := strconv.Atoi(t.Name()); err == nil {
			syscall.Setpriority(syscall.PRIO_PROCESS, id, low)
		}
	}
}

// allowFiles raises the limit of descriptors as far as it goes, for this process and its children, and returns it.
func allowFiles() int {
	var l syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l) != nil {
		return 0
	}
	l.Cur = l.Max
	syscall.Setrlimit(syscall.RLIMIT_NOFILE, &l) // can't fail: it is within what is allowed
	return int(min(l.Cur, 1<<30))
}

// cpuTime is what a process has used so far, with that of the children it has waited for.
func cpuTime(pid int) (time.Duration, bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, false
	}
	// The second field is a name in brackets, which may have anything in it. Behind it, utime, stime, cutime and cstime are fields
	// 12 to 15.
	f := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(f) < 15 {
		return 0, false
	}
	return sumTicks(f[11:15])
}

// busyTime is what all programs of the machine have used so far.
func busyTime() (time.Duration, bool) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, false
	}
	line, _, _ := strings.Cut(string(text), "\n")
	f := strings.Fields(line) // cpu user nice system idle …
	if len(f) < 4 {
		return 0, false
	}
	return sumTicks(f[1:4])
}

func sumTicks(fields []string) (time.Duration, bool) {
	sum := time.Duration(0)
	for _, f := range fields {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, false
		}
		sum += time.Duration(n) * tick
	}
	return sum, true
}

// residentBytes is the memory in use of a process.
func residentBytes(pid int) (int64, bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, false
	}
	f := strings.Fields(string(text))
	if len(f) < 2 {
		return 0, false
	}
	n, err := strconv.ParseInt(f[1], 10, 64)
	return n * int64(os.Getpagesize()), err == nil
}

// kernel is the system's name and release.
func kernel() string {
	text, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return "Linux"
	}
	return "Linux " + strings.TrimSpace(string(text))
}
