package clients

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// works tells whether a command ends with 0. It runs elsewhere: a Python that looks for its library in the current folder
// would take our folder hiredis for one.
func works(name string, args ...string) bool {
	cmd := exec.Command(name, args...)
	cmd.Dir = os.TempDir()
	return cmd.Run() == nil
}

// packages is the folder where .ci/clients has npm put what the clients of Node.js need.
func packages() string {
	if dir := os.Getenv("ATOMICPROXY_CLIENTS"); dir != "" {
		return dir
	}
	home, _ := os.UserHomeDir()
	return filepath.Join(home, ".cache", "atomicproxy-clients")
}

func findShell(t *testing.T, folder, _ string) ([]string, string) {
	for _, tool := range []string{"bash", "redis-cli", "redis-benchmark", "script", "stdbuf"} {
		if _, err := exec.LookPath(tool); err != nil {
			return nil, err.Error()
		}
	}
	return []string{"bash", filepath.Join(folder, "try.sh")}, ""
}

func findGo(t *testing.T, folder, dir string) ([]string, string) {
	download := exec.Command("go", "mod", "download")
	download.Dir = folder
	if out, err := download.CombinedOutput(); err != nil {
		return nil, "go mod download: " + strings.TrimSpace(string(out))
	}
	program := filepath.Join(dir, "try")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Dir = folder
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build in %s: %v\n%s", folder, err, out)
	}
	return []string{program}, ""
}

func findNode(t *testing.T, folder, _ string) ([]string, string) {
	want, err := os.ReadFile(filepath.Join(folder, "package.json"))
	if err != nil {
		t.Fatal(err)
	}
	// npm puts the file beside what it installs, so another version's is missing as well.
	have, err := os.ReadFile(filepath.Join(packages(), folder, "package.json"))
	if err != nil || string(have) != string(want) {
		return nil, "no packages of npm for " + folder + " in " + packages() + " (.ci/clients installs them)"
	}
	if !works("node", "--version") {
		return nil, "no node"
	}
	return []string{"node", filepath.Join(folder, "try.js")}, ""
}

func findPython(t *testing.T, folder, _ string) ([]string, string) {
	// The system's Python first: it is the one whose packages Debian installs.
	for _, python := range []string{"/usr/bin/python3", "python3"} {
		if works(python, "-c", "import redis.asyncio") {
			return []string{python, filepath.Join(folder, "try.py")}, ""
		}
	}
	return nil, "no python3 with redis.asyncio"
}

func findPHP(t *testing.T, folder, _ string) ([]string, string) {
	if !works("php", "-r", "exit(extension_loaded('redis') && extension_loaded('pcntl') ? 0 : 1);") {
		return nil, "no php with redis and pcntl"
	}
	return []string{"php", filepath.Join(folder, "try.php")}, ""
}

func findRuby(t *testing.T, folder, _ string) ([]string, string) {
	if !works("ruby", "-e", "require 'redis'") {
		return nil, "no ruby with redis"
	}
	return []string{"ruby", filepath.Join(folder, "try.rb")}, ""
}

func findPerl(t *testing.T, folder, _ string) ([]string, string) {
	if !works("perl", "-MRedis", "-e", "1") {
		return nil, "no perl with Redis.pm"
	}
	return []string{"perl", filepath.Join(folder, "try.pl")}, ""
}

func findC(t *testing.T, folder, dir string) ([]string, string) {
	include := exec.Command("cc", "-E", "-o", os.DevNull, "-")
	include.Stdin = strings.NewReader("#include <hiredis/hiredis.h>\n")
	if err := include.Run(); err != nil {
		return nil, "no C compiler with hiredis: " + err.Error()
	}
	program := filepath.Join(dir, "try")
	build := exec.Command("cc", "-O1", "-Wall", "-Wextra", "-Werror", "-o", program, filepath.Join(folder, "try.c"), "-lhiredis")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return []string{program}, ""
}
