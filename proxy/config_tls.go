package proxy

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
)

// ServerTLS loads the configuration of tls:// listeners from the files that c
// names; nil when there is no certificate. Each call reads the files again, so
// a new certificate is one call away; a bad one is an error and changes nothing.
func (c *Config) ServerTLS() (*tls.Config, error) {
	t := &c.TLS
	if t.CertFile == "" && t.KeyFile == "" {
		return nil, nil
	}
	cert, err := loadPair(t.CertFile, t.KeyFile)
	if err != nil {
		return nil, err
	}
	conf := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert}}
	if t.ClientCAFile != "" {
		if conf.ClientCAs, err = loadPool(t.ClientCAFile); err != nil {
			return nil, err
		}
		conf.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return conf, nil
}

// UpstreamTLS loads the configuration for connections to the upstream; nil
// when its URL does not ask for TLS. The certificate is always verified.
func (c *Config) UpstreamTLS() (*tls.Config, error) {
	target, err := ParseTarget(c.Upstream.URL)
	if err != nil || !target.TLS {
		return nil, err
	}
	t := &c.Upstream.TLS
	conf := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName}
	if conf.ServerName == "" {
		if conf.ServerName, _, err = net.SplitHostPort(target.Address); err != nil {
			return nil, err
		}
	}
	if t.CAFile != "" {
		if conf.RootCAs, err = loadPool(t.CAFile); err != nil {
			return nil, err
		}
	}
	if t.CertFile != "" || t.KeyFile != "" {
		cert, err := loadPair(t.CertFile, t.KeyFile)
		if err != nil {
			return nil, err
		}
		conf.Certificates = []tls.Certificate{cert}
	}
	return conf, nil
}

var errPair = errors.New("cert_file and key_file belong together: set both or neither")

func loadPair(cert, key string) (tls.Certificate, error) {
	if cert == "" || key == "" {
		return tls.Certificate{}, errPair
	}
	return tls.LoadX509KeyPair(cert, key)
}

func loadPool(path string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s: no PEM certificate in it", path)
	}
	return pool, nil
}

func (c *Config) checkTLS(report func(key, format string, args ...any)) {
	conf, err := c.ServerTLS()
	if err != nil {
		report(c.blame("tls.cert_file", "tls.key_file", "tls.client_ca_file"), "%v", err)
	}
	listeners, _ := c.Listeners() // errors are reported by the check of the key
	used := false
	for _, l := range listeners {
		used = used || l.TLS
	}
	switch {
	case err != nil:
	case used && conf == nil:
		report("tls.cert_file", "a tls:// listener needs tls.cert_file and tls.key_file")
	case !used && (conf != nil || c.TLS.ClientCAFile != ""):
		// Silence here would leave an operator sure of encryption that is not there.
		report(c.blame("tls.cert_file", "tls.client_ca_file"), `no listener uses it: write listen = ["tls://host:port"]`)
	}
	c.checkUpstreamTLS(report)
}

func (c *Config) checkUpstreamTLS(report func(key, format string, args ...any)) {
	target, err := ParseTarget(c.Upstream.URL)
	if err != nil {
		return
	}
	key := c.blame("upstream.tls.ca_file", "upstream.tls.cert_file", "upstream.tls.key_file", "upstream.tls.server_name")
	if !target.TLS {
		if c.Upstream.TLS != (UpstreamTLS{}) {
			report(key, "upstream.url does not ask for TLS: write rediss:// there, or leave this out")
		}
		return
	}
	if _, err := c.UpstreamTLS(); err != nil {
		report(key, "%v", err)
	}
}

// blame picks the first of keys that somebody set, for problems of several
// keys together.
func (c *Config) blame(keys ...string) string {
	for _, k := range keys {
		if c.Origin(k) != "" {
			return k
		}
	}
	return keys[0]
}
