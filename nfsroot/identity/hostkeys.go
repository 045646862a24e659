package identity

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"

	"golang.org/x/crypto/ssh"
)

// HostKeys are the keys by which an SSH server proves that it is itself: one of
// ed25519, which every client since OpenSSH 6.5 knows. However it is printed,
// logged or marshalled, only its fingerprint shows.
type HostKeys struct {
	pem    []byte // as OpenSSH keeps it
	public ssh.PublicKey
}

// GenerateHostKeys returns new keys. The comment goes into the private key's
// file; the host's name is usual.
func GenerateHostKeys(comment string) (*HostKeys, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("identity: generate a host key: %w", err)
	}
	block, err := ssh.MarshalPrivateKey(private, comment)
	if err != nil {
		return nil, fmt.Errorf("identity: marshal a host key: %w", err)
	}
	return ParseHostKeys(pem.EncodeToMemory(block))
}

// ParseHostKeys takes the content of an ssh_host_ed25519_key file.
func ParseHostKeys(text []byte) (*HostKeys, error) {
	key, err := ssh.ParseRawPrivateKey(text)
	if err != nil {
		return nil, fmt.Errorf("identity: parse a host key: %w", err)
	}
	private, ok := key.(*ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("identity: host key is a %T and not of ed25519", key)
	}
	public, err := ssh.NewPublicKey(private.Public())
	if err != nil {
		return nil, fmt.Errorf("identity: parse a host key: %w", err)
	}
	return &HostKeys{append([]byte(nil), text...), public}, nil
}

// PrivateKey returns the secret, as OpenSSH keeps it in a file of mode 0600.
func (k HostKeys) PrivateKey() []byte { return append([]byte(nil), k.pem...) }

// PublicKey returns the public key as in authorized_keys, "ssh-ed25519 AAAA…",
// without a comment.
func (k HostKeys) PublicKey() string {
	if k.public == nil {
		return ""
	}
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(k.public)))
}

// Fingerprint returns "SHA256:…", as ssh-keygen(1) shows it.
func (k HostKeys) Fingerprint() string {
	if k.public == nil {
		return "none"
	}
	return ssh.FingerprintSHA256(k.public)
}

// SSHFP returns the DNS record that vouches for the key (RFC 4255), of algorithm
// 4, ed25519 (RFC 7479), and type 2, SHA-256 (RFC 6594), for a zone file:
// "pi1.example.com. IN SSHFP 4 2 …". The owner is a host name. SHA-1 is left
// out: every resolver and client that knows ed25519 knows SHA-256. Clients
// believe it without asking only if DNSSEC does.
func (k HostKeys) SSHFP(owner string) (string, error) {
	if why := hostnameFault(strings.TrimSuffix(owner, ".")); why != "" {
		return "", fmt.Errorf("identity: owner of SSHFP: %q %s", owner, why)
	}
	if k.public == nil {
		return "", errNoKey
	}
	sum := sha256.Sum256(k.public.Marshal())
	return fmt.Sprintf("%s IN SSHFP 4 2 %x", owner, sum), nil
}

var errNoKey = errors.New("identity: there is no host key")

// KnownHosts returns a line for the known_hosts file of clients (sshd(8)). The
// names are host names and addresses by which they reach the machine.
func (k HostKeys) KnownHosts(names ...string) (string, error) {
	if k.public == nil {
		return "", errNoKey
	}
	if len(names) == 0 {
		return "", errors.New("identity: known_hosts without a name")
	}
	for _, name := range names {
		if _, err := netip.ParseAddr(name); err == nil && !strings.Contains(name, "%") {
			continue
		}
		if why := hostnameFault(name); why != "" {
			return "", fmt.Errorf("identity: name in known_hosts: %q %s", name, why)
		}
	}
	return strings.Join(names, ",") + " " + k.PublicKey(), nil
}

// String is the fingerprint.
func (k HostKeys) String() string { return "HostKeys(" + k.Fingerprint() + ")" }

// Format is [HostKeys.String] for every verb.
func (k HostKeys) Format(s fmt.State, _ rune) { fmt.Fprint(s, k.String()) }

// LogValue is the fingerprint.
func (k HostKeys) LogValue() slog.Value { return slog.StringValue(k.String()) }

// MarshalText is the fingerprint: the secret leaves by PrivateKey only.
func (k HostKeys) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

const minSecret = 16

// DeriveMachineID returns a machine-id that is always the same for a name, and
// that nobody can tell who does not have the secret, of 16 bytes at least. Like
// systemd's own it is a random UUID (RFC 9562, version 4) by its form.
func DeriveMachineID(secret []byte, name string) (string, error) {
	if len(secret) < minSecret {
		return "", fmt.Errorf("identity: secret for machine-ids has %d bytes, and needs %d", len(secret), minSecret)
	}
	if why := hostnameFault(name); why != "" {
		return "", fmt.Errorf("identity: Name: %q %s", name, why)
	}
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte("hostkit/nfsroot machine-id\x00" + name))
	id := mac.Sum(nil)[:16]
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	return hex.EncodeToString(id), nil
}
