package proxy

import "strings"

// configSetting ties a key to its place in a Config. One table serves the
// file, the environment, the command line, the printing and the checks, so
// that a key can't exist for one of them and not for another.
type configSetting struct {
	key   string
	value configValue
	check func() error // nil: every value that parses will do
}

// settings lists every key, in the order of config.example.toml.
func (c *Config) settings() []configSetting {
	u, cl, p, sc := &c.Upstream, &c.Client, &c.Purge, &c.Scripts
	return []configSetting{
		{"listen", listValue{&c.Listen}, func() error { return checkListen(c.Listen) }},
		{"admin", stringValue{&c.Admin}, func() error { return checkAdmin(c.Admin) }},
		{"loops", intValue[int]{&c.Loops}, within(&c.Loops, 0, 256)},
		{"embedded", boolValue{&c.Embedded}, nil},
		{"multiplex", boolValue{&c.Multiplex}, nil},
		{"raw_lua", stringValue{&c.RawLua}, func() error { return checkRawLua(c.RawLua) }},
		{"deny", listValue{&c.Deny}, func() error { return checkNames(c.Deny) }},
		{"share", listValue{&c.Share}, func() error { return checkNames(c.Share) }},
		{"shutdown_grace", durationValue{&c.ShutdownGrace}, span(&c.ShutdownGrace, 0, maxWait)},
		{"upstream.url", stringValue{&u.URL}, func() error { _, err := ParseTarget(u.URL); return err }},
		{"upstream.password", secretValue{stringValue{&u.Password}}, nil},
		{"upstream.password_file", stringValue{&u.PasswordFile}, nil},
		{"upstream.wait", durationValue{&u.Wait}, span(&u.Wait, 0, maxWait)},
		{"upstream.timeout", durationValue{&u.Timeout}, span(&u.Timeout, 0, maxWait)},
		{"upstream.dial_timeout", durationValue{&u.DialTimeout}, span(&u.DialTimeout, minDial, maxWait)},
		{"upstream.max_pinned", intValue[int]{&u.MaxPinned}, within(&u.MaxPinned, 1, 1_000_000)},
		{"upstream.give_my_credentials_to_every_client", boolValue{&u.ServeCredentials}, nil},
		{"upstream.tls.ca_file", stringValue{&u.TLS.CAFile}, nil},
		{"upstream.tls.server_name", stringValue{&u.TLS.ServerName}, nil},
		{"upstream.tls.cert_file", stringValue{&u.TLS.CertFile}, nil},
		{"upstream.tls.key_file", stringValue{&u.TLS.KeyFile}, nil},
		{"client.output_limit", sizeValue{&cl.OutputLimit}, bytesWithin(&cl.OutputLimit, 64*kib)},
		{"client.output_limit_total", sizeValue{&cl.OutputLimitTotal}, bytesWithin(&cl.OutputLimitTotal, 1*mib)},
		{"client.input_total", sizeValue{&cl.InputTotal}, bytesWithin(&cl.InputTotal, 1*mib)},
		{"client.max", intValue[int]{&cl.Max}, within(&cl.Max, 1, 1_000_000)},
		{"rewrite.max", sizeValue{&c.RewriteMax}, bytesWithin(&c.RewriteMax, 64*kib)},
		{"purge.max_scan", intValue[int64]{&p.MaxScan}, within(&p.MaxScan, 1, 1_000_000_000)},
		{"purge.limit", intValue[int64]{&p.Limit}, within(&p.Limit, 1, MaxPurgeLimit)},
		{"purge.allow_wildcard_only", boolValue{&p.AllowWildcardOnly}, nil},
		{"purge.step", durationValue{&p.Step}, span(&p.Step, minStep, maxStep)},
		{"purge.queue", intValue[int]{&p.Queue}, within(&p.Queue, 0, 100_000)},
		{"scripts.dir", stringValue{&sc.Dir}, nil},
		{"scripts.application_dir", stringValue{&sc.ApplicationDir}, nil},
		{"scripts.learn_dir", stringValue{&sc.LearnDir}, nil},
		{"tls.cert_file", stringValue{&c.TLS.CertFile}, nil},
		{"tls.key_file", stringValue{&c.TLS.KeyFile}, nil},
		{"tls.client_ca_file", stringValue{&c.TLS.ClientCAFile}, nil},
		{"log.format", stringValue{&c.Log.Format}, oneOf(&c.Log.Format, "text", "json")},
		{"log.level", stringValue{&c.Log.Level}, oneOf(&c.Log.Level, "debug", "info", "warn", "error")},
	}
}

func (c *Config) setting(key string) (configSetting, bool) {
	for _, s := range c.settings() {
		if s.key == key {
			return s, true
		}
	}
	return configSetting{}, false
}

// SettingKeys lists the keys of all settings, in the order of the example
// file.
func SettingKeys() []string {
	var c Config
	var keys []string
	for _, s := range c.settings() {
		keys = append(keys, s.key)
	}
	return keys
}

// EnvName gives the environment variable of a key.
func EnvName(key string) string {
	if key == "upstream.url" {
		return "ATOMICPROXY_UPSTREAM"
	}
	return "ATOMICPROXY_" + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

// Setting is one key as it stands, for printing.
type Setting struct {
	Key    string
	Value  string // as it would stand in the file; secrets are shown as "***"
	Origin string // as Config.Origin
}

// Settings gives every key with its value and where that came from.
func (c *Config) Settings() []Setting {
	var out []Setting
	for _, s := range c.settings() {
		v := s.value.String()
		if s.key == "upstream.url" {
			v = stringValue{ptr(RedactURL(c.Upstream.URL))}.String()
		}
		out = append(out, Setting{s.key, v, c.Origin(s.key)})
	}
	return out
}

func ptr[T any](v T) *T { return &v }
