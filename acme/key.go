package acme

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// NewKey makes a private key: for a certificate or an account.
func NewKey(t KeyType) (crypto.Signer, error) {
	switch t {
	case EC256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case EC384:
		return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case RSA2048:
		return rsa.GenerateKey(rand.Reader, 2048)
	case RSA3072:
		return rsa.GenerateKey(rand.Reader, 3072)
	case RSA4096:
		return rsa.GenerateKey(rand.Reader, 4096)
	}
	return nil, fmt.Errorf("acme: no type of key %d", uint8(t))
}

// MarshalKey is a private key in PEM, PKCS #8. It fails for a key that can not
// leave where it is kept.
func MarshalKey(key crypto.Signer) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("acme: a key of type %T can not be written", key)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// ParseKey reads the first private key of a PEM file: PKCS #8, PKCS #1 or SEC 1.
// Its error has nothing of the file.
func ParseKey(text []byte) (crypto.Signer, error) {
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			return nil, errors.New("acme: no private key in PEM")
		}
		text = rest
		var key any
		var err error
		switch block.Type {
		case "PRIVATE KEY":
			key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
		case "EC PRIVATE KEY":
			key, err = x509.ParseECPrivateKey(block.Bytes)
		case "RSA PRIVATE KEY":
			key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
		default:
			continue
		}
		signer, ok := key.(crypto.Signer)
		if err != nil || !ok {
			return nil, fmt.Errorf("acme: the PEM block %q holds no private key that can sign", clip(block.Type, 40))
		}
		return signer, nil
	}
}

// certificateKey is the key of a request.
func (r *Request) certificateKey(account crypto.Signer) (crypto.Signer, error) {
	if r.Key == nil {
		return NewKey(r.KeyType)
	}
	// RFC 8555 section 11.1: the two must differ.
	if samePublic(account.Public(), r.Key.Public()) {
		return nil, errors.New("acme: Request.Key is the account's key: use another")
	}
	return r.Key, nil
}
