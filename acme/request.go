package acme

import (
	"crypto"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
)

// Request says which certificate to obtain. Names is required.
type Request struct {
	// Names are the DNS names of the certificate, in any case, with or without a
	// final dot; a wildcard begins with "*.". Internationalized ones may be given as
	// they are written or in A-labels ("xn--…"), as which they are ordered (RFC 8555
	// section 7.1.4). A name given twice counts once. A name that can not be had fails
	// the request.
	Names []string
	// Key is the certificate's key. Nil makes a new one of KeyType.
	Key crypto.Signer `json:"-"`
	// KeyType is the type of a new key. Zero is EC256.
	KeyType KeyType
	// Profile is one of the profiles in the authority's directory. "" sends none.
	Profile string
	// PreferredChain is the common name of an issuer: of the chains that the
	// authority offers, the first is taken whose last certificate it issued. "",
	// or no such chain, is the authority's default.
	PreferredChain string
	// Replaces is the certificate that this one replaces, RFC 9773 section 5. It
	// is not sent to an authority without ARI. If the authority says that it has
	// been replaced already, the order is made without.
	Replaces *x509.Certificate
}

// KeyType is the type of a new private key.
type KeyType uint8

// The types of keys.
const (
	EC256   KeyType = iota // ECDSA on P-256
	EC384                  // ECDSA on P-384
	RSA2048                // RSA of 2048 bits
	RSA3072                // RSA of 3072 bits
	RSA4096                // RSA of 4096 bits
)

// Certificate is a certificate with its key.
type Certificate struct {
	// Names are the names as they were ordered: A-labels in lower case, each once.
	Names []string
	// Key is the certificate's key.
	Key crypto.Signer `json:"-"`
	// KeyPEM is Key in PKCS #8, or nil if it can not leave where it is kept.
	KeyPEM []byte `json:"-"`
	// ChainPEM is the certificate and the intermediates that sign it, in order.
	ChainPEM []byte
	// Chain is ChainPEM parsed.
	Chain []*x509.Certificate `json:"-"`
	// Leaf is the first of Chain.
	Leaf *x509.Certificate `json:"-"`
	// URL is where the authority offers the chain.
	URL string
	// Replaced says that the authority took Request.Replaces.
	Replaced bool
}

// Format prints the names and where the certificate came from, never the key.
func (c Certificate) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, c.summary())
}

// LogValue is what Format prints.
func (c Certificate) LogValue() slog.Value { return slog.StringValue(c.summary()) }

func (c Certificate) summary() string {
	return fmt.Sprintf("certificate of %q from %q", c.Names, c.URL)
}
