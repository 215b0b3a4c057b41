package proxy

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// writePair makes a self-signed certificate for 127.0.0.1 and gives its files.
func writePair(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"},
		NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// The two halves of the configuration must be able to talk to each other.
func TestTLSHandshake(t *testing.T) {
	cert, key := writePair(t)
	c := NewConfig()
	c.Listen = []string{"tls://127.0.0.1:0"}
	c.TLS = ListenTLS{CertFile: cert, KeyFile: key, ClientCAFile: cert}
	c.Upstream.URL = "rediss://127.0.0.1:1"
	c.Upstream.TLS = UpstreamTLS{CAFile: cert, CertFile: cert, KeyFile: key}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	if err := handshake(t, &c); err != nil {
		t.Error(err)
	}
	c.Upstream.TLS.ServerName = "elsewhere.example"
	if err := handshake(t, &c); err == nil {
		t.Error("a certificate for another name was accepted")
	}
	c.Upstream.TLS.ServerName = ""
	c.Upstream.TLS.CAFile = ""
	if err := handshake(t, &c); err == nil {
		t.Error("a certificate of an unknown authority was accepted")
	}
}

func handshake(t *testing.T, c *Config) error {
	t.Helper()
	serverConf, err := c.ServerTLS()
	if err != nil {
		t.Fatal(err)
	}
	clientConf, err := c.UpstreamTLS()
	if err != nil {
		t.Fatal(err)
	}
	// A socket and not net.Pipe: the server's last message (a session ticket)
	// must not wait for a reader.
	ln, err := tls.Listen("tcp", "127.0.0.1:0", serverConf)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	server := make(chan error, 1)
	go func() {
		conn, err := ln.Accept()
		if err != nil {
			server <- err
			return
		}
		defer conn.Close()
		server <- conn.(*tls.Conn).Handshake()
	}()
	conn, err := tls.Dial("tcp", ln.Addr().String(), clientConf)
	if err != nil {
		<-server
		return err
	}
	defer conn.Close()
	return <-server
}

func TestTLSProblems(t *testing.T) {
	cert, key := writePair(t)
	_, otherKey := writePair(t)
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		c    func(*Config)
		want string
	}{
		{"tls without certificate", func(c *Config) { c.Listen = []string{"tls://h:1"} }, "tls.cert_file: a tls:// listener needs"},
		{"certificate without tls", func(c *Config) { c.TLS = ListenTLS{CertFile: cert, KeyFile: key} }, "no listener uses it"},
		{"client authority alone", func(c *Config) { c.TLS.ClientCAFile = cert }, "no listener uses it"},
		{"half a pair", func(c *Config) { c.TLS.CertFile = cert }, "belong together"},
		{"another's key", func(c *Config) { c.TLS = ListenTLS{CertFile: cert, KeyFile: otherKey} }, "does not match"},
		{"empty authorities", func(c *Config) {
			c.Listen = []string{"tls://h:1"}
			c.TLS = ListenTLS{CertFile: cert, KeyFile: key, ClientCAFile: empty}
		}, "no PEM certificate in it"},
		{"upstream without TLS", func(c *Config) { c.Upstream.TLS.ServerName = "h" }, "does not ask for TLS"},
		{"upstream half a pair", func(c *Config) { c.Upstream.URL = "rediss://h"; c.Upstream.TLS.KeyFile = key }, "belong together"},
		{"upstream empty authorities", func(c *Config) { c.Upstream.URL = "rediss://h"; c.Upstream.TLS.CAFile = empty }, "no PEM certificate in it"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := NewConfig()
			tt.c(&c)
			err := c.Validate()
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want …%s…", err, tt.want)
			}
		})
	}
}
