package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// release is set by the linker in releases: -ldflags "-X main.release=v1.2.3".
var release string

// version is the release, or what the Go tool noted about the sources.
func version() string {
	if release != "" {
		return release
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := info.Main.Version
	if v == "" {
		v = "(devel)"
	}
	return v
}

type versionCmd struct{}

func (versionCmd) run(w *world) int {
	fmt.Fprintf(w.stdout, "atomicproxy %s %s %s/%s\n", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return exitOK
}
