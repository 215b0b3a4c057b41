// Command proxy is atomicproxy: a Redis-protocol proxy that carries all clients
// over a few upstream connections and adds atomic commands.
//
//	proxy [serve] --upstream redis://127.0.0.1:6379
//	proxy check --config config.toml
//
// Exit status: 0 all is well, 1 it failed, 2 it was called the wrong way. What a
// program may want to read goes to standard output, everything else to standard
// error.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/atomicproxy/atomicproxy/cmd/proxy/internal/bench"
	"github.com/redis/go-redis/v9/logging"
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr, os.LookupEnv))
}

const (
	exitOK = iota
	exitFailed
	exitUsage
)

// world is what a subcommand may touch outside itself.
type world struct {
	ctx            context.Context
	stdout, stderr io.Writer
	env            func(string) (string, bool)
}

// fail prints err, one problem a line, and gives the exit status. Problems begin
// with file and line, so nothing is put before them.
func (w *world) fail(err error) int {
	fmt.Fprintln(w.stderr, err)
	return exitFailed
}

// commandLine is the whole grammar; kong reads the tags.
type commandLine struct {
	Serve    serveCmd    `cmd:"" default:"withargs" help:"Run the proxy (the default)."`
	Check    checkCmd    `cmd:"" help:"Read the configuration, say what it means, and report every problem."`
	Health   healthCmd   `cmd:"" help:"Ask a running proxy whether it is alive."`
	Commands commandsCmd `cmd:"" help:"Describe the proxy's own commands."`
	Vet      vetCmd      `cmd:"" help:"Judge scripts: the proxy's own, commands of yours, or an application's."`
	Cli      cliCmd      `cmd:"" help:"Send one command and print the reply."`
	Bench    benchCmd    `cmd:"" help:"Measure the proxy beside the server alone and other proxies, on this machine."`
	Version  versionCmd  `cmd:"" help:"Print the version."`

	BenchHelper benchHelperCmd `cmd:"" hidden:""`
}

const description = `A Redis-protocol proxy that carries all clients over a few upstream connections and adds atomic commands.

Every setting can stand in a file (--config) or in an environment variable; flags win over the environment, and the environment over the file. config.example.toml describes them all.`

// run is the program: it neither exits nor touches anything global except
// signals. A subcommand is a value with a run method.
func run(ctx context.Context, args []string, stdout, stderr io.Writer, env func(string) (string, bool)) int {
	logging.Disable() // go-redis writes to standard error what it returns as an error as well
	var line commandLine
	exited := -1
	vars := kong.Vars{"cliAddr": defaultCliAddr, "fullRounds": strconv.Itoa(fullRounds), "fullDuration": fullDuration.String(), "quickDuration": quickDuration.String()}
	parser, err := kong.New(&line, kong.Name("proxy"), kong.Description(description), kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { exited = code }), vars, kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
	if err != nil {
		fmt.Fprintln(stderr, err)
		return exitFailed
	}
	parsed, err := parser.Parse(args)
	if exited >= 0 { // --help; what kong says after it is of no interest
		return exited
	}
	if err != nil {
		fmt.Fprintf(stderr, "proxy: %v\nproxy --help shows how it is used.\n", err)
		return exitUsage
	}
	w := &world{ctx, stdout, stderr, env}
	switch name, _, _ := strings.Cut(parsed.Command(), " "); name {
	case "check":
		return line.Check.run(w)
	case "health":
		return line.Health.run(w)
	case "commands":
		return line.Commands.run(w)
	case "vet":
		return line.Vet.run(w)
	case "cli":
		return line.Cli.run(w)
	case "bench":
		return line.Bench.run(w)
	case bench.HelperCommand:
		return line.BenchHelper.run(w)
	case "version":
		return line.Version.run(w)
	}
	return line.Serve.run(w)
}
