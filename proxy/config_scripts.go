package proxy

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/atomicproxy/atomicproxy/commands"
)

// Catalogue loads and vets the commands that c stands for: the built-in ones,
// those in scripts.dir and, where raw_lua asks for it, an application's scripts.
// The error has every problem, a line each.
func (c *Config) Catalogue() (*commands.Registry, error) { return c.catalogue(commands.Sources{}) }

func (c *Config) catalogue(from commands.Sources) (*commands.Registry, error) {
	from.Commands = c.Scripts.Dir
	if c.RawLua == "vetted" {
		from.Application = c.Scripts.ApplicationDir
	}
	return commands.Open(from, commands.Settings{
		PurgeMaxScan: c.Purge.MaxScan, PurgeLimit: c.Purge.Limit, AllowWildcardOnly: c.Purge.AllowWildcardOnly,
	})
}

// checkScripts judges the directories and what is in them.
func (c *Config) checkScripts(all *ConfigError) {
	report := func(key, format string, args ...any) {
		all.Problems = append(all.Problems, c.problem(key, fmt.Sprintf(format, args...)))
	}
	switch {
	case c.RawLua == "vetted" && c.Scripts.ApplicationDir == "":
		report("scripts.application_dir", `raw_lua is "vetted": name the directory with the scripts that applications may run`)
		return
	case c.RawLua == "learn" && c.Scripts.LearnDir == "":
		report("scripts.learn_dir", `raw_lua is "learn": name the directory in which to record scripts`)
	case c.RawLua == "learn":
		if err := writable(c.Scripts.LearnDir); err != nil {
			report("scripts.learn_dir", "%v", err)
		}
	}
	if c.Purge.MaxScan < 1 || c.Purge.Limit < 1 || c.Purge.Limit > MaxPurgeLimit {
		return // said already, and a catalogue can't be had with it
	}
	if c.Scripts.Dir == "" && c.RawLua != "vetted" {
		return // New loads what is built in, which no setting changes
	}
	if _, err := c.Catalogue(); err != nil {
		for line := range strings.Lines(err.Error()) {
			all.Problems = append(all.Problems, Problem{Text: strings.TrimSuffix(line, "\n")})
		}
	}
}

// writable reports why no file can be made in a directory.
func writable(dir string) error {
	f, err := os.CreateTemp(dir, ".atomicproxy-*")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}
