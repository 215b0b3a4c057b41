package proxy

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
)

// Target is an upstream URL taken apart.
type Target struct {
	Scheme   string // as written: "redis", "rediss", "valkey", "valkeys" or "unix"
	Network  string // "tcp" or "unix"
	Address  string // "host:port", or the socket's path
	User     string // "": the default user
	Password string // "": no authentication
	DB       int    // 0 or more; the upstream judges whether it has so many
	TLS      bool
}

// String is safe to log: it has no password.
func (t Target) String() string {
	s := t.Scheme + "://"
	if t.User != "" {
		s += url.User(t.User).String() + "@"
	}
	s += t.Address
	if t.DB == 0 {
		return s
	}
	if t.Network == "unix" {
		return fmt.Sprintf("%s?db=%d", s, t.DB)
	}
	return fmt.Sprintf("%s/%d", s, t.DB)
}

// UpstreamTarget gives the upstream with its password, wherever that comes
// from. It reads upstream.password_file each time, so that a call after a
// rotation gives the new one. An error is a *ConfigError.
func (c *Config) UpstreamTarget() (Target, error) {
	t, err := ParseTarget(c.Upstream.URL)
	if err != nil {
		return Target{}, &ConfigError{[]Problem{c.problem("upstream.url", err.Error())}}
	}
	switch {
	case c.Upstream.PasswordFile != "":
		if t.Password, err = readPassword(c.Upstream.PasswordFile); err != nil {
			return Target{}, &ConfigError{[]Problem{c.problem("upstream.password_file", err.Error())}}
		}
	case c.Upstream.Password != "":
		t.Password = c.Upstream.Password
	}
	return t, nil
}

const defaultPort = "6379"

var (
	errURL = errors.New(`want redis://[user:password@]host:port[/db], rediss://… (TLS) or unix:///path[?db=n] ("valkey" wherever "redis" stands)`)
	// url.Parse quotes its input in errors, and the input may hold a password.
	errURLSyntax = errors.New(`not a URL; in a user or password write "%" as %25, "/" as %2F, "@" as %40, "#" as %23, "?" as %3F`)
)

// ParseTarget reads redis://[user:password@]host[:port][/db], rediss:// (the
// same over TLS), valkey:// and valkeys:// (the same again), and
// unix://[user:password@]/path[?db=n]. Errors never repeat the URL, which may
// hold a password.
func ParseTarget(raw string) (Target, error) {
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok {
		return Target{}, errURL
	}
	kind := strings.Replace(strings.ToLower(scheme), "valkey", "redis", 1)
	switch kind {
	case "redis", "rediss", "unix":
	case "redis+sentinel", "rediss+sentinel":
		return Target{}, errors.New("this version has no Sentinel: give the primary's own redis:// address")
	case "redis+cluster", "rediss+cluster":
		return Target{}, errors.New("this version has no Cluster: give one standalone server's redis:// address")
	default:
		return Target{}, errURL
	}
	// A list of hosts is not a URL at all to net/url, so it is told apart first.
	if host := rest[strings.LastIndexByte(rest, '@')+1:]; kind != "unix" && strings.Contains(host, ",") {
		return Target{}, errors.New("one host only: several are for Sentinel and Cluster, which this version has not")
	}
	u, err := url.Parse(raw)
	if err != nil {
		return Target{}, errURLSyntax
	}
	t := Target{Scheme: strings.ToLower(scheme), User: u.User.Username()}
	t.Password, _ = u.User.Password()
	if kind == "unix" {
		return t.unix(u)
	}
	return t.tcp(u, kind == "rediss")
}

func (t Target) unix(u *url.URL) (Target, error) {
	if u.Host != "" || u.Path == "" || u.Path == "/" || u.Fragment != "" {
		return Target{}, errors.New("a unix socket has three slashes and an absolute path: unix:///run/redis.sock")
	}
	t.Network, t.Address = "unix", u.Path
	q := u.Query()
	for name := range q {
		if name != "db" || len(q[name]) != 1 {
			return Target{}, errors.New(`after "?" only db=n, once, is known`)
		}
	}
	if q.Has("db") {
		return t.withDB(q.Get("db"))
	}
	return t, nil
}

func (t Target) tcp(u *url.URL, tls bool) (Target, error) {
	if u.RawQuery != "" || u.Fragment != "" {
		return Target{}, errors.New(`nothing may follow the database: TLS and the rest have keys of their own ([upstream], [upstream.tls])`)
	}
	host, port := u.Hostname(), u.Port()
	if host == "" {
		return Target{}, errors.New("the host is missing: write redis://127.0.0.1:6379")
	}
	if port == "" {
		port = defaultPort
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return Target{}, errors.New("the port must be 1 to 65535")
	}
	t.Network, t.Address, t.TLS = "tcp", net.JoinHostPort(host, port), tls
	if db := strings.TrimPrefix(u.Path, "/"); db != "" {
		return t.withDB(db)
	}
	return t, nil
}

func (t Target) withDB(s string) (Target, error) {
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil {
		return Target{}, errors.New("the database must be a number, 0 or more")
	}
	t.DB = int(n)
	return t, nil
}

// RedactURL replaces the password of an upstream URL by "***", also in one too
// broken to parse: then everything before the last "@" goes.
func RedactURL(raw string) string {
	at := strings.LastIndexByte(raw, '@')
	if at < 0 {
		return raw
	}
	if t, err := ParseTarget(raw); err == nil {
		scheme, _, _ := strings.Cut(raw, "://")
		password := ""
		if t.Password != "" {
			password = ":***"
		}
		return scheme + "://" + url.PathEscape(t.User) + password + raw[at:]
	}
	return "***" + raw[at:]
}

// maxPassword bounds a password file, in bytes: a path to something else by
// mistake must not be sent to the upstream.
const maxPassword = 4096

func readPassword(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxPassword+1))
	if err != nil {
		return "", err
	}
	if len(b) > maxPassword {
		return "", fmt.Errorf("%s: longer than %d bytes: not a password file", path, maxPassword)
	}
	s := strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r")
	if s == "" {
		return "", fmt.Errorf("%s: empty", path)
	}
	return s, nil
}
