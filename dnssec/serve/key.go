package serve

import (
	"encoding/base64"
	"fmt"
	"log/slog"
	"strings"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/internal/tsig"
)

// The algorithms of keys (RFC 8945, section 6).
const (
	HMACSHA256 = "hmac-sha256"
	HMACSHA384 = "hmac-sha384"
	HMACSHA512 = "hmac-sha512"
	// HMACSHA1 is refused, unless [Server.AllowSHA1] or [Primary.AllowSHA1] says
	// otherwise.
	HMACSHA1 = "hmac-sha1"
)

// Key is a TSIG key: a secret that two servers share. No way of printing it shows
// the secret.
type Key struct {
	// Name is what both call it, a domain name.
	Name string
	// Algorithm is one of the above; "" means [HMACSHA256].
	Algorithm string
	// Secret is the octets, not their base64.
	Secret []byte
}

// ParseKey reads a key as dig -y and kdig -y take it: "hmac-sha256:name:base64", or
// without the algorithm.
func ParseKey(text string) (Key, error) {
	parts := strings.Split(text, ":")
	if len(parts) == 2 {
		parts = append([]string{HMACSHA256}, parts...)
	}
	if len(parts) != 3 {
		return Key{}, fmt.Errorf("serve: a key has %d parts, but is written algorithm:name:base64", len(parts))
	}
	secret, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil { // which quotes a part of the secret
		return Key{}, fmt.Errorf("serve: the secret of key %q is not base64", parts[1])
	}
	k := Key{Name: parts[1], Algorithm: strings.TrimSuffix(strings.ToLower(parts[0]), "."), Secret: secret}
	if _, err := k.internal(true); err != nil {
		return Key{}, err
	}
	return k, nil
}

// String is the algorithm and the name.
func (k Key) String() string { return k.algorithm() + ":" + k.Name }

// Format prints what [Key.String] does, whatever the verb.
func (k Key) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(k.String())) }

// LogValue is what [Key.String] is.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// MarshalText is what [Key.String] is, so that JSON has no secret either.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

func (k Key) algorithm() string {
	if k.Algorithm == "" {
		return HMACSHA256
	}
	return k.Algorithm
}

// internal is the key as messages are signed by it.
func (k Key) internal(sha1 bool) (*tsig.Key, error) {
	if k.algorithm() == HMACSHA1 && !sha1 {
		return nil, fmt.Errorf("serve: key %q: %s is refused: make a key of %s, or set AllowSHA1", k.Name, HMACSHA1, HMACSHA256)
	}
	key, err := tsig.NewKey(k.Name, k.algorithm(), k.Secret)
	if err != nil {
		return nil, fmt.Errorf("serve: %w", err)
	}
	return key, nil
}

// keyring is keys by their names in lower case, with the dot at the end.
type keyring map[string]*tsig.Key

func newKeyring(keys []Key, sha1 bool) (keyring, error) {
	ring := make(keyring, len(keys))
	for _, k := range keys {
		key, err := k.internal(sha1)
		if err != nil {
			return nil, err
		}
		name, err := keyName(k.Name)
		if err != nil {
			return nil, err
		}
		if ring[name] != nil {
			return nil, fmt.Errorf("serve: two keys have the name %q", name)
		}
		ring[name] = key
	}
	return ring, nil
}

// keyName is a key's name as it is compared.
func keyName(s string) (string, error) {
	n, err := dnssec.ParseName(s)
	if err != nil {
		return "", fmt.Errorf("serve: name of a key: %w", err)
	}
	return n.String(), nil
}

// byWire finds a key by what a request has.
func (k keyring) byWire(r *tsig.Record) (*tsig.Key, string) {
	text, _, err := dns.UnpackDomainName([]byte(r.Key), 0)
	if err != nil {
		return nil, ""
	}
	name, err := keyName(text)
	if err != nil {
		return nil, ""
	}
	if key := k[name]; key != nil && key.Algorithm == r.Algorithm {
		return key, name
	}
	return nil, ""
}
