package etcdconf

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
)

// Config is [etcd]. Without endpoints there is no etcd.
type Config struct {
	Endpoints    []string `toml:"endpoints"`
	Prefix       string   `toml:"prefix"`
	User         string   `toml:"user"`
	PasswordFile string   `toml:"password_file"`
	CA           string   `toml:"ca"`
	Certificate  string   `toml:"certificate"`
	Key          string   `toml:"key"`
}

// Set reports whether there is etcd.
func (c *Config) Set() bool { return len(c.Endpoints) > 0 }

// Check finds what is wrong, without files. Errors name keys, which begin with prefix:
// "etcd.".
func (c *Config) Check(prefix string) error {
	var errs []error
	add := func(key string, err error) { errs = append(errs, daemon.Field(prefix+key, err)) }
	for i, endpoint := range c.Endpoints {
		u, err := url.Parse(endpoint)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
			add(fmt.Sprintf("endpoints[%d]", i), errors.New("is no URL such as https://etcd1.example:2379"))
		}
	}
	for key, path := range map[string]string{"password_file": c.PasswordFile, "ca": c.CA, "certificate": c.Certificate, "key": c.Key} {
		switch {
		case path != "" && !filepath.IsAbs(path):
			add(key, errors.New("is not an absolute path"))
		case path != "" && !c.Set():
			add(key, errors.New("is there and endpoints are not"))
		}
	}
	if (c.User == "") != (c.PasswordFile == "") {
		add("user", errors.New("and password_file are wanted together"))
	}
	if (c.Certificate == "") != (c.Key == "") {
		add("certificate", errors.New("and key are wanted together"))
	}
	return errors.Join(errs...)
}

// TLS reads the files: nil when there are none, and the system's authorities are
// trusted.
func (c *Config) TLS() (*tls.Config, error) {
	if c.CA == "" && c.Certificate == "" {
		return nil, nil
	}
	out := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CA != "" {
		pem, err := os.ReadFile(c.CA)
		if err != nil {
			return nil, fmt.Errorf("etcd: ca: %w", err)
		}
		out.RootCAs = x509.NewCertPool()
		if !out.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("etcd: ca: %s has no certificate in PEM", c.CA)
		}
	}
	if c.Certificate != "" {
		pair, err := tls.LoadX509KeyPair(c.Certificate, c.Key)
		if err != nil {
			return nil, fmt.Errorf("etcd: certificate: %w", err)
		}
		out.Certificates = []tls.Certificate{pair}
	}
	return out, nil
}
