package renew

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"
)

// Bundle is a certificate as it is stored.
type Bundle struct {
	// KeyPEM is the private key.
	KeyPEM []byte
	// ChainPEM is the certificate and the intermediates that sign it, in order.
	ChainPEM []byte
}

// Format prints when the certificate ends, never the key.
func (b Bundle) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, b.words()) }

// LogValue is what Format prints.
func (b Bundle) LogValue() slog.Value { return slog.StringValue(b.words()) }

// MarshalJSON is what Format prints, in quotes.
func (b Bundle) MarshalJSON() ([]byte, error) { return fmt.Appendf(nil, "%q", b.words()), nil }

func (b Bundle) words() string {
	leaf, err := b.Leaf()
	if err != nil {
		return "no certificate"
	}
	return fmt.Sprintf("certificate %x until %s", leaf.SerialNumber, leaf.NotAfter.UTC().Format(time.RFC3339))
}

// Leaf is the certificate itself.
func (b Bundle) Leaf() (*x509.Certificate, error) {
	block, _ := pem.Decode(b.ChainPEM)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, errors.New("renew: the chain does not begin with a certificate in PEM")
	}
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("renew: parse the certificate: %w", err)
	}
	return leaf, nil
}

// TLS is the bundle for a TLS server. It fails if the key is not the certificate's.
func (b Bundle) TLS() (*tls.Certificate, error) {
	c, err := tls.X509KeyPair(b.ChainPEM, b.KeyPEM)
	if err != nil {
		return nil, fmt.Errorf("renew: key and chain of a bundle: %w", err)
	}
	return &c, nil
}

// split is the certificate and what follows it.
func (b Bundle) split() (cert, chain []byte, err error) {
	block, rest := pem.Decode(b.ChainPEM)
	if block == nil {
		return nil, nil, errors.New("renew: the chain has no certificate in PEM")
	}
	return pem.EncodeToMemory(block), bytes.TrimLeft(rest, "\r\n"), nil
}
