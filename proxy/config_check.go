package proxy

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Problem is one thing wrong in the configuration.
type Problem struct {
	Where string // "config.toml:12", an environment variable, a flag, or "" for a value set in code
	Key   string // "upstream.wait"
	Text  string // what is wrong and what to write; never a secret
}

func (p Problem) String() string {
	var parts []string
	for _, s := range []string{p.Where, p.Key, p.Text} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, ": ")
}

// ConfigError holds all problems that were found, at least one.
type ConfigError struct{ Problems []Problem }

// Error gives the problems, one a line.
func (e *ConfigError) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// add takes over the problems of err, which may be nil.
func (e *ConfigError) add(err error) {
	var ce *ConfigError
	switch {
	case err == nil:
	case errors.As(err, &ce):
		e.Problems = append(e.Problems, ce.Problems...)
	default:
		e.Problems = append(e.Problems, Problem{Text: err.Error()})
	}
}

// orNil avoids the non-nil error interface around a nil or empty pointer.
func (e *ConfigError) orNil() error {
	if len(e.Problems) == 0 {
		return nil
	}
	return e
}

// Validate reports all that is wrong with c, as a *ConfigError that names for
// each problem the place, the key and the remedy. It reads the certificates
// and the password file that c names, so that a bad one is found before any
// client is; it opens no connection.
func (c *Config) Validate() error {
	var all ConfigError
	for _, s := range c.settings() {
		if s.check == nil {
			continue
		}
		if err := s.check(); err != nil {
			all.Problems = append(all.Problems, c.problem(s.key, err.Error()))
		}
	}
	c.checkTogether(&all)
	return all.orNil()
}

func (c *Config) problem(key, text string) Problem {
	return Problem{c.Origin(key), key, text}
}

// checkTogether judges settings that are fine alone and not together.
func (c *Config) checkTogether(all *ConfigError) {
	report := func(key, format string, args ...any) {
		all.Problems = append(all.Problems, c.problem(key, fmt.Sprintf(format, args...)))
	}
	if c.Client.OutputLimitTotal < c.Client.OutputLimit {
		report("client.output_limit_total", "must be at least client.output_limit, %s", FormatSize(c.Client.OutputLimit))
	}
	if c.Client.InputTotal < c.RewriteMax {
		report("client.input_total", "must be at least rewrite.max, %s: else a command of that length never fits", FormatSize(c.RewriteMax))
	}
	for _, name := range c.Share {
		if slices.ContainsFunc(c.Deny, func(d string) bool { return strings.EqualFold(d, name) }) {
			report("share", "%q is also on the deny list: take it off one of the two", name)
		}
	}
	if c.Embedded && c.Upstream.URL != defaultUpstream {
		report("embedded", "the embedded server is the upstream: leave out upstream.url, or leave out embedded")
	}
	c.checkPassword(report)
	c.checkTLS(report)
	c.checkScripts(all)
}

func (c *Config) checkPassword(report func(key, format string, args ...any)) {
	u := &c.Upstream
	t, err := ParseTarget(u.URL)
	if err != nil {
		return // said already
	}
	switch {
	case u.Password != "" && u.PasswordFile != "":
		report("upstream.password_file", "upstream.password is set as well (%s): keep one of the two", orDefault(c.Origin("upstream.password"), "in code"))
	case t.Password != "" && u.Password != "":
		report("upstream.password", "upstream.url has a password as well: keep one of the two")
	case t.Password != "" && u.PasswordFile != "":
		report("upstream.password_file", "upstream.url has a password as well: keep one of the two")
	case u.PasswordFile != "":
		if _, err := readPassword(u.PasswordFile); err != nil {
			report("upstream.password_file", "%v", err)
		}
	}
	if t.Password != "" || u.Password != "" || u.PasswordFile != "" {
		return
	}
	// "redis://secret@host" is a password in the user's place more often than
	// not; whoever has a user with an empty password can say so.
	if t.User != "" && !strings.Contains(u.URL, ":@") {
		report("upstream.url", "a user without a password: write user:password@ (:password@ for the default user), set upstream.password_file, or write user:@ if the password is empty")
	}
	if u.ServeCredentials && t.User == "" {
		report("upstream.give_my_credentials_to_every_client", "true, but there are no credentials to give: set a user and a password, or leave it false")
	}
}

func orDefault(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func checkRawLua(s string) error {
	if !slices.Contains([]string{"deny", "vetted", "learn", "allow"}, s) {
		return fmt.Errorf(`%q is not a policy: write "deny", "vetted", "learn" or "allow"`, s)
	}
	return nil
}

// checkNames takes "flushall", "json.get" and "client|kill". Whatever can't be
// a command's name is a slip that would silently protect nothing.
func checkNames(names []string) error {
	for _, n := range names {
		parts := strings.Split(n, "|")
		if len(parts) > 2 || slices.ContainsFunc(parts, func(p string) bool { return !isCommandName(p) }) {
			return fmt.Errorf(`%q is not a command: write "name" or "name|subcommand"`, n)
		}
	}
	return nil
}

func isCommandName(s string) bool {
	for i := range len(s) {
		b := s[i] | 0x20
		if (b < 'a' || b > 'z') && (s[i] < '0' || s[i] > '9') && strings.IndexByte(".-_", s[i]) < 0 {
			return false
		}
	}
	return s != "" && len(s) <= 64
}

func checkAdmin(addr string) error {
	if addr == "" {
		return nil
	}
	return checkHostPort(addr)
}

func checkHostPort(addr string) error {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf(`%q: want host:port, such as "127.0.0.1:6380" or "[::1]:6380"`, addr)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || strconv.FormatUint(n, 10) != port {
		return fmt.Errorf("%q: want a port from 0 (any free one) to 65535", addr)
	}
	return nil
}

const (
	maxWait = time.Hour
	minDial = time.Millisecond
	minStep = 100 * time.Microsecond
	maxStep = time.Second
)

func within[T int | int64](p *T, low, high T) func() error {
	return func() error {
		if *p < low || *p > high {
			return fmt.Errorf("%d: want %d to %d", *p, low, high)
		}
		return nil
	}
}

func bytesWithin(p *int64, low int64) func() error {
	return func() error {
		if *p < low {
			return fmt.Errorf("%s: want at least %s", FormatSize(*p), FormatSize(low))
		}
		return nil
	}
}

func span(p *time.Duration, low, high time.Duration) func() error {
	return func() error {
		if *p < low || *p > high {
			return fmt.Errorf("%s: want %s to %s", formatDuration(*p), formatDuration(low), formatDuration(high))
		}
		return nil
	}
}

func oneOf(p *string, allowed ...string) func() error {
	return func() error {
		if !slices.Contains(allowed, *p) {
			return fmt.Errorf("%q: want %s", *p, strings.Join(allowed, ", "))
		}
		return nil
	}
}
