package proxy

import (
	"maps"
	"time"
)

// Config is everything an operator can decide. NewConfig gives the defaults;
// LoadFile, ApplyEnv and Set lay the file, the environment and the command
// line over them, in that order, and Validate judges the whole.
//
// A Config is plain data: it may be copied, and no method of it keeps a
// goroutine or a descriptor. It must not be changed while another goroutine
// reads it.
type Config struct {
	Listen   []string // "host:port", "tls://host:port", "unix:///path"; at least one
	Admin    string   // "host:port" of /metrics, /healthz and /readyz; "" turns them off
	Loops    int      // event loops, 0 to 256; 0: chosen from the number of cores
	Embedded bool     // an in-memory upstream inside this process, for trying things out

	// Multiplex lets clients share upstream connections. Off, each has one of its
	// own from its first command on.
	Multiplex bool

	RawLua string   // a client's own Lua: "deny", "vetted", "learn" or "allow"
	Deny   []string // commands refused beyond the built-in rules: "flushall", "client|kill"
	Share  []string // commands, unknown to the proxy, that leave no state on a connection

	Upstream UpstreamConfig
	Client   ClientConfig
	Purge    PurgeConfig
	Scripts  ScriptsConfig
	TLS      ListenTLS
	Log      LogConfig

	// RewriteMax bounds, in bytes, a command that has to be buffered whole
	// because it may be rewritten; a longer one is answered -LIMIT.
	RewriteMax int64

	// ShutdownGrace is how long a drain may take after the first SIGTERM.
	ShutdownGrace time.Duration

	// origin tells where each key was set ("config.toml:12",
	// "ATOMICPROXY_LISTEN", "--listen"), so that a problem found long after
	// parsing can still point at the place to mend. Never changed in place:
	// copies of a Config share it.
	origin map[string]string
}

// UpstreamConfig is the server behind the proxy.
type UpstreamConfig struct {
	URL          string // see ParseTarget for the forms
	Password     string // instead of one in the URL
	PasswordFile string // instead of either; one trailing line break is not part of it

	// Wait is how long a command that was not yet sent waits for a lost
	// upstream to come back; 0 answers -UNAVAILABLE at once.
	Wait        time.Duration
	DialTimeout time.Duration // connecting and the TLS handshake together

	// Timeout bounds the wait for a reply, blocking commands excepted; 0: none.
	// When it strikes the connection is closed, never used again.
	Timeout time.Duration

	// MaxPinned bounds the upstream connections that belong to one client at a
	// time (transactions, blocking commands, subscriptions), free ones included.
	MaxPinned int

	// ServeCredentials lets every client that can reach the proxy act as the
	// URL's user. Off, that user serves the proxy's control connection only.
	ServeCredentials bool

	TLS UpstreamTLS
}

// UpstreamTLS says whom to trust, and who we are, on rediss:// upstreams.
type UpstreamTLS struct {
	CAFile     string // PEM; "": the system's authorities
	ServerName string // expected in the certificate; "": the URL's host
	CertFile   string // client certificate, PEM; needs KeyFile
	KeyFile    string
}

// ClientConfig bounds what clients may make the proxy hold. Sizes in bytes.
type ClientConfig struct {
	OutputLimit      int64 // replies that one client has not taken yet; beyond it that client is closed
	OutputLimitTotal int64 // the same, all clients together
	InputTotal       int64 // all clients' incomplete commands together
	Max              int   // clients connected at one time
}

// PurgeConfig bounds PURGE.
type PurgeConfig struct {
	MaxScan           int64         // keys in the database, above which the default mode is refused
	Limit             int64         // matches, above which nothing is deleted, when the command names no LIMIT; at most MaxPurgeLimit
	AllowWildcardOnly bool          // patterns that demand no literal byte, such as *
	Step              time.Duration // how long a step of PURGE … SWEEP may keep the upstream busy
	Queue             int           // PURGEs that may wait for the one that scans, per upstream and database
}

// ScriptsConfig names directories; "": none. What is in the first two is read
// again on SIGHUP.
type ScriptsConfig struct {
	Dir            string // an operator's own commands, NAME.lua and NAME.json, and scripts.lock
	ApplicationDir string // the scripts that raw_lua = "vetted" lets applications run, and scripts.lock
	LearnDir       string // where raw_lua = "learn" records what clients send
}

// ListenTLS is the certificate of tls:// listeners. It is read again on SIGHUP.
type ListenTLS struct {
	CertFile     string // PEM, leaf first
	KeyFile      string
	ClientCAFile string // PEM; not "": clients must show a certificate that it signed
}

// LogConfig is the form and the threshold of what goes to standard error.
type LogConfig struct {
	Format string // "text" or "json"
	Level  string // "debug", "info", "warn" or "error"
}

// MaxPurgeLimit is the highest LIMIT that PURGE takes, in keys: more in one
// script would block the server for longer than anybody should.
const MaxPurgeLimit = 100_000

const (
	kib = 1 << 10
	mib = 1 << 20
	gib = 1 << 30
)

// NewConfig gives every default. config.example.toml shows the same values.
func NewConfig() Config {
	return Config{
		Listen: []string{"127.0.0.1:6380"},
		Admin:  "127.0.0.1:9180",
		RawLua: "deny",

		Multiplex: true,
		Upstream: UpstreamConfig{
			URL:         defaultUpstream,
			Wait:        time.Second,
			DialTimeout: 5 * time.Second,
			MaxPinned:   4000, // below Redis's maxclients of 10,000, with room for others
		},
		Client: ClientConfig{
			OutputLimit:      256 * mib,
			OutputLimitTotal: 1 * gib,
			InputTotal:       512 * mib,
			Max:              10_000, // as Redis's maxclients
		},
		Purge: PurgeConfig{
			MaxScan: 100_000,
			Limit:   10_000,
			Step:    2 * time.Millisecond,
			Queue:   64,
		},
		Log:           LogConfig{Format: "text", Level: "info"},
		RewriteMax:    64 * mib,
		ShutdownGrace: 10 * time.Second,
	}
}

const defaultUpstream = "redis://127.0.0.1:6379"

// Set gives the setting key ("upstream.wait") the value that text spells, as
// the environment and the command line do. Lists are separated by commas.
// where names the place for later messages. An error is a *ConfigError.
func (c *Config) Set(key, text, where string) error {
	s, ok := c.setting(key)
	if !ok {
		return &ConfigError{[]Problem{{where, key, "no such setting"}}}
	}
	// Noted even when the text is bad: the message needs it.
	c.setOrigin(key, where)
	if err := s.value.setText(text); err != nil {
		return &ConfigError{[]Problem{{where, key, err.Error()}}}
	}
	return nil
}

// Origin tells where key was set: "config.toml:12", "ATOMICPROXY_LISTEN",
// "--listen", or "" for a default.
func (c *Config) Origin(key string) string { return c.origin[key] }

func (c *Config) setOrigin(key, where string) {
	m := maps.Clone(c.origin)
	if m == nil {
		m = make(map[string]string)
	}
	m[key] = where
	c.origin = m
}

// ApplyEnv takes each setting's environment variable, if there is one: the
// prefix ATOMICPROXY_, the key in capitals, dots as underscores (purge.limit is
// ATOMICPROXY_PURGE_LIMIT); upstream.url alone is the shorter
// ATOMICPROXY_UPSTREAM. A variable that is set but empty counts as given. It
// reports all problems at once, as a *ConfigError; the good values are applied
// all the same.
func (c *Config) ApplyEnv(lookup func(string) (string, bool)) error {
	var all ConfigError
	for _, s := range c.settings() {
		name := EnvName(s.key)
		if text, ok := lookup(name); ok {
			all.add(c.Set(s.key, text, name))
		}
	}
	return all.orNil()
}
