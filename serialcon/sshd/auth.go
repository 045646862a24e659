package sshd

import (
	"cmp"
	"crypto/rsa"
	"errors"

	"golang.org/x/crypto/ssh"
)

// minRSA is the least length in bits of an RSA key.
const minRSA = 2048

var (
	errNoHostKey = errors.New("sshd: the server has no host key: make one with ssh-keygen, and give it as HostKeys")
	errNoAccess  = errors.New("sshd: the server has no Consoles function")
	errRefused   = errors.New("sshd: the key is not allowed")
)

// fingerprintOf is the extension that holds the fingerprint of the proved key.
const fingerprintOf = "pubkey-fp@hostkit"

// accessOf is the key of the Access in a connection's permissions.
type accessOf struct{}

func (s *Server) config() (*ssh.ServerConfig, error) {
	switch {
	case len(s.HostKeys) == 0:
		return nil, errNoHostKey
	case s.Consoles == nil:
		return nil, errNoAccess
	}
	config := &ssh.ServerConfig{
		MaxAuthTries:      cmp.Or(s.MaxAuthTries, 6),
		PublicKeyCallback: s.authorize,
		ServerVersion:     "SSH-2.0-hostkit",
	}
	for _, key := range s.HostKeys {
		config.AddHostKey(key)
	}
	return config, nil
}

// authorize is asked about keys that are only offered. What it finds is in the
// permissions, of which the library returns those of the key that was proved.
func (s *Server) authorize(meta ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
	if !strong(key) {
		return nil, errRefused
	}
	access, err := s.Consoles(meta.User(), key)
	if err != nil {
		return nil, errRefused
	}
	access.Who = cmp.Or(access.Who, meta.User())
	return &ssh.Permissions{
		Extensions: map[string]string{fingerprintOf: ssh.FingerprintSHA256(key)},
		ExtraData:  map[any]any{accessOf{}: access},
	}, nil
}

func strong(key ssh.PublicKey) bool {
	if _, cert := key.(*ssh.Certificate); cert {
		return false
	}
	plain, ok := key.(ssh.CryptoPublicKey)
	if !ok {
		return true // a security key
	}
	if r, ok := plain.CryptoPublicKey().(*rsa.PublicKey); ok {
		return r.N.BitLen() >= minRSA
	}
	return key.Type() != "ssh-dss"
}
