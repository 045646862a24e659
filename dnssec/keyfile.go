package dnssec

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// fileName is how key files write a name: what is no letter, digit, hyphen or
// underscore as a percent sign and two digits, so that it is always one file.
func fileName(n Name) string {
	if n.wire == "" {
		return "."
	}
	var b strings.Builder
	for label := range n.labels() {
		for i := range len(label) {
			c := label[i]
			if digit(c) || c >= 'a' && c <= 'z' || c == '-' || c == '_' {
				b.WriteByte(c)
			} else {
				fmt.Fprintf(&b, "%%%02X", c)
			}
		}
		b.WriteByte('.')
	}
	return b.String()
}

// timeLayout is that of timing metadata, in UTC.
const timeLayout = "20060102150405"

// tag is a field of timing metadata.
type tag struct {
	name string
	at   *time.Time
}

// tags lists the fields in the order of key files.
func (t *Timing) tags() []tag {
	return []tag{
		{"Created", &t.Created}, {"Publish", &t.Publish}, {"Activate", &t.Activate}, {"Revoke", &t.Revoke},
		{"Inactive", &t.Inactive}, {"Delete", &t.Delete}, {"DSPublish", &t.DSPublish},
		{"SyncPublish", &t.SyncPublish}, {"SyncDelete", &t.SyncDelete},
	}
}

// MarshalPublic is the key's .key file: comments and the DNSKEY record.
func (k *Key) MarshalPublic() []byte {
	var b bytes.Buffer
	kind := "zone-signing"
	if k.SEP() {
		kind = "key-signing"
	}
	if k.Revoked() {
		kind = "revoked " + kind
	}
	fmt.Fprintf(&b, "; This is a %s key, keyid %d, for %s\n", kind, k.Tag(), k.zone)
	timing := k.Timing
	for _, t := range timing.tags() {
		if !t.at.IsZero() {
			fmt.Fprintf(&b, "; %s: %s (%s)\n", t.name, t.at.UTC().Format(timeLayout), t.at.UTC().Format(time.ANSIC))
		}
	}
	fmt.Fprintf(&b, "%s ", k.zone)
	if k.TTL > 0 {
		fmt.Fprintf(&b, "%d ", k.TTL)
	}
	fmt.Fprintf(&b, "IN DNSKEY %d 3 %d %s\n", k.flags, k.alg, base64.StdEncoding.EncodeToString(k.public))
	return b.Bytes()
}

// MarshalPrivate is the key's .private file, of format 1.3. It is secret. A key
// that is not in memory has none, which is an error that wraps
// [errors.ErrUnsupported].
func (k *Key) MarshalPrivate() ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "Private-key-format: v1.3\nAlgorithm: %d (%v)\n", k.alg, k.alg)
	field := func(name string, value []byte) {
		fmt.Fprintf(&b, "%s: %s\n", name, base64.StdEncoding.EncodeToString(value))
	}
	switch p := k.signer.(type) {
	case *ecdsa.PrivateKey:
		d, err := p.Bytes()
		if err != nil {
			return nil, fmt.Errorf("dnssec: private key of %v: %w", k, err)
		}
		field("PrivateKey", d)
	case ed25519.PrivateKey:
		field("PrivateKey", p.Seed())
	case *rsa.PrivateKey:
		if len(p.Primes) != 2 {
			return nil, fmt.Errorf("dnssec: private key of %v: %d primes, and a file has two: %w", k, len(p.Primes), errors.ErrUnsupported)
		}
		p.Precompute()
		for i, n := range []*big.Int{
			p.N, big.NewInt(int64(p.E)), p.D, p.Primes[0], p.Primes[1], p.Precomputed.Dp, p.Precomputed.Dq, p.Precomputed.Qinv,
		} {
			field(rsaFields[i], n.Bytes())
		}
	default:
		return nil, fmt.Errorf("dnssec: private key of %v: is not in memory: %w", k, errors.ErrUnsupported)
	}
	timing := k.Timing
	for _, t := range timing.tags() {
		if !t.at.IsZero() {
			fmt.Fprintf(&b, "%s: %s\n", t.name, t.at.UTC().Format(timeLayout))
		}
	}
	for _, line := range k.other {
		b.WriteString(line + "\n")
	}
	return b.Bytes(), nil
}

var rsaFields = [...]string{
	"Modulus", "PublicExponent", "PrivateExponent", "Prime1", "Prime2", "Exponent1", "Exponent2", "Coefficient",
}

// ParseKey reads a key of its two files, and refuses a private part that is not
// that of the public one. Errors quote nothing of the private file.
func ParseKey(public, private []byte) (*Key, error) {
	record, err := dns.ReadRR(bytes.NewReader(public), "")
	if err != nil {
		return nil, fmt.Errorf("dnssec: public key file: %w", err)
	}
	dnskey, ok := record.(*dns.DNSKEY)
	if !ok {
		return nil, errors.New("dnssec: public key file: is not a DNSKEY record")
	}
	if dnskey.Protocol != 3 || dnskey.Flags&flagZone == 0 {
		return nil, errors.New("dnssec: public key file: is not a zone's key of protocol 3")
	}
	fields, err := privateFields(private)
	if err != nil {
		return nil, fmt.Errorf("dnssec: private key file for %q: %w", dnskey.Hdr.Name, err)
	}
	signer, err := fields.signer(Algorithm(dnskey.Algorithm))
	if err != nil {
		return nil, fmt.Errorf("dnssec: private key file for %q: %w", dnskey.Hdr.Name, err)
	}
	k, err := NewKey(dnskey.Hdr.Name, Algorithm(dnskey.Algorithm), dnskey.Flags&flagSEP != 0, signer)
	if err != nil {
		return nil, err
	}
	if base64.StdEncoding.EncodeToString(k.public) != dnskey.PublicKey {
		return nil, fmt.Errorf("dnssec: private key file for %q: is not of the public key with tag %d", dnskey.Hdr.Name, dnskey.KeyTag())
	}
	k.flags = dnskey.Flags
	k.Timing, k.other, err = fields.timing()
	if err != nil {
		return nil, fmt.Errorf("dnssec: private key file of %v: %w", k, err)
	}
	if bytes.Contains(public, []byte(" "+strconv.Itoa(int(dnskey.Hdr.Ttl))+" IN")) {
		k.TTL = dnskey.Hdr.Ttl // the library gives a record without one its own
	}
	return k, nil
}

// fileFields are the lines of a private file.
type fileFields struct {
	algorithm string
	values    map[string]string
	names     []string // in order
}

func privateFields(private []byte) (*fileFields, error) {
	f := &fileFields{values: map[string]string{}}
	for line := range strings.Lines(string(private)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == ';' {
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return nil, errors.New("a line is not a name, a colon and a value")
		}
		if _, twice := f.values[name]; twice {
			return nil, errors.New("a field is there twice")
		}
		f.names = append(f.names, name)
		f.values[name] = strings.TrimSpace(value)
	}
	if !strings.HasPrefix(f.values["Private-key-format"], "v1.") {
		return nil, errors.New("is not of format v1")
	}
	f.algorithm, _, _ = strings.Cut(f.values["Algorithm"], " ")
	return f, nil
}

// octets decodes a field. The error of the decoder would tell of the content.
func (f *fileFields) octets(name string) ([]byte, error) {
	b, err := base64.StdEncoding.DecodeString(f.values[name])
	if err != nil || len(b) == 0 {
		return nil, fmt.Errorf("%s is missing or not base64", name)
	}
	return b, nil
}

func (f *fileFields) signer(alg Algorithm) (crypto.Signer, error) {
	if err := alg.known(); err != nil {
		return nil, err
	}
	if f.algorithm != strconv.Itoa(int(alg)) {
		return nil, fmt.Errorf("is not of %v, as the public one", alg)
	}
	if alg == RSASHA256 {
		return f.rsa()
	}
	secret, err := f.octets("PrivateKey")
	if err != nil {
		return nil, err
	}
	if alg == Ed25519 {
		if len(secret) != ed25519.SeedSize {
			return nil, errors.New("PrivateKey is of the wrong length")
		}
		return ed25519.NewKeyFromSeed(secret), nil
	}
	size := (alg.curve().Params().BitSize + 7) / 8
	if len(secret) < size { // some wrote it without leading zeros
		secret = append(make([]byte, size-len(secret)), secret...)
	}
	key, err := ecdsa.ParseRawPrivateKey(alg.curve(), secret)
	if err != nil {
		return nil, errors.New("PrivateKey is not a number of the curve")
	}
	return key, nil
}

func (f *fileFields) rsa() (crypto.Signer, error) {
	var n [5]*big.Int // what follows from these is computed
	for i := range n {
		b, err := f.octets(rsaFields[i])
		if err != nil {
			return nil, err
		}
		if len(b) > maxRSA/8 {
			return nil, fmt.Errorf("%s is longer than %d bits", rsaFields[i], maxRSA)
		}
		n[i] = new(big.Int).SetBytes(b)
	}
	if n[0].BitLen() < minRSA || n[1].BitLen() > 31 {
		return nil, fmt.Errorf("the modulus is below %d bits or the exponent above 31", minRSA)
	}
	key := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: n[0], E: int(n[1].Int64())}, D: n[2], Primes: n[3:]}
	if key.Validate() != nil {
		return nil, errors.New("the numbers are not those of an RSA key")
	}
	key.Precompute()
	return key, nil
}

// timing is the timing metadata, and the lines of no known field.
func (f *fileFields) timing() (t Timing, other []string, err error) {
	at := map[string]*time.Time{}
	for _, tag := range t.tags() {
		at[tag.name] = tag.at
	}
	for _, name := range f.names {
		switch to := at[name]; {
		case to != nil:
			if *to, err = time.ParseInLocation(timeLayout, f.values[name], time.UTC); err != nil {
				return t, nil, fmt.Errorf("%s is not a time as 20060102150405", name)
			}
		case name == "Predecessor", name == "Successor", name == "MaxTTL", name == "RollPeriod", name == "Generated":
			other = append(other, name+": "+f.values[name])
		}
	}
	return t, other, nil
}
