package dnssec

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/miekg/dns"
)

const (
	flagZone   = 1 << 8
	flagRevoke = 1 << 7
	flagSEP    = 1
)

// Key is a key of a zone. The private part stays where its [crypto.Signer] keeps
// it; no way of printing a Key shows it.
type Key struct {
	// Timing is when the key is to be used for what, as key files say it.
	Timing Timing
	// TTL is that of the DNSKEY record in its file, in seconds; zero means none.
	TTL uint32

	zone   Name
	flags  uint16
	alg    Algorithm
	public []byte
	signer crypto.Signer
	other  []string // lines of the private file that only others know
}

// Timing is what BIND's key files say of a key's life. A zero time is none.
type Timing struct {
	Created, Publish, Activate, Revoke, Inactive, Delete time.Time
	// DSPublish is when the DS got into the parent zone; SyncPublish and SyncDelete
	// are when the CDS and CDNSKEY records come and go.
	DSPublish, SyncPublish, SyncDelete time.Time
}

// KeyOptions are what [GenerateKey] makes. The zero value is a zone-signing key of
// algorithm 13.
type KeyOptions struct {
	// Algorithm zero means [ECDSAP256SHA256].
	Algorithm Algorithm
	// SEP makes a key-signing key or one that signs all: the parent's DS may name it.
	SEP bool
	// Bits is the size of an RSA key; zero means 2048.
	Bits int
	// Others have tags that the key does not get, revoked or not: two keys with one
	// tag make validators try both, and some give up.
	Others []*Key
}

// tries is how many keys in a row may have a taken tag.
const tries = 1000

// GenerateKey makes a key that is Created now.
func GenerateKey(zone string, o KeyOptions) (*Key, error) {
	if o.Algorithm == 0 {
		o.Algorithm = ECDSAP256SHA256
	}
	if err := o.Algorithm.known(); err != nil {
		return nil, err
	}
	if o.Bits == 0 {
		o.Bits = 2048
	}
	if o.Bits < 2048 || o.Bits > maxRSA {
		return nil, fmt.Errorf("dnssec: an RSA key of %d bits: make it 2048 to %d", o.Bits, maxRSA)
	}
	for range tries {
		signer, err := generate(o)
		if err != nil {
			return nil, fmt.Errorf("dnssec: generate a key of %v for %q: %w", o.Algorithm, zone, err)
		}
		k, err := NewKey(zone, o.Algorithm, o.SEP, signer)
		if err != nil {
			return nil, err
		}
		k.Timing.Created = time.Now().UTC().Truncate(time.Second)
		if k.clash(o.Others) == nil {
			return k, nil
		}
	}
	return nil, fmt.Errorf("dnssec: generate a key for %q: every tag is taken by the other %d", zone, len(o.Others))
}

func generate(o KeyOptions) (crypto.Signer, error) {
	switch o.Algorithm {
	case RSASHA256:
		return rsa.GenerateKey(rand.Reader, o.Bits)
	case Ed25519:
		_, private, err := ed25519.GenerateKey(rand.Reader)
		return private, err
	default:
		return ecdsa.GenerateKey(o.Algorithm.curve(), rand.Reader)
	}
}

// NewKey is the key of a zone whose private part signer has, in memory, in a
// hardware module or behind a network. A [Signer] with more than one worker calls it
// from many goroutines.
func NewKey(zone string, alg Algorithm, sep bool, signer crypto.Signer) (*Key, error) {
	name, err := ParseName(zone)
	if err != nil {
		return nil, err
	}
	if err := alg.known(); err != nil {
		return nil, err
	}
	public, err := alg.publicOctets(signer.Public())
	if err != nil {
		return nil, err
	}
	k := &Key{zone: name, flags: flagZone, alg: alg, public: public, signer: signer}
	if sep {
		k.flags |= flagSEP
	}
	return k, nil
}

// Zone is whose key it is.
func (k *Key) Zone() Name { return k.zone }

// Algorithm is what it signs by.
func (k *Key) Algorithm() Algorithm { return k.alg }

// SEP says whether it is a secure entry point: one that a DS may name.
func (k *Key) SEP() bool { return k.flags&flagSEP != 0 }

// Revoked says whether it has the REVOKE bit (RFC 5011).
func (k *Key) Revoked() bool { return k.flags&flagRevoke != 0 }

// Revoke is the same key with the REVOKE bit, and so with another tag.
func (k *Key) Revoke() *Key {
	revoked := *k
	revoked.flags |= flagRevoke
	return &revoked
}

// rdata is that of the DNSKEY record.
func (k *Key) rdata() []byte {
	b := binary.BigEndian.AppendUint16(nil, k.flags)
	return append(append(b, 3, byte(k.alg)), k.public...)
}

// Tag is the key tag (RFC 4034, appendix B). Zero is a tag as good as others.
func (k *Key) Tag() uint16 { return tagOf(k.rdata()) }

func tagOf(rdata []byte) uint16 {
	sum := uint32(0)
	for i, c := range rdata {
		sum += uint32(c) << (8 * (1 - i&1))
	}
	return uint16(sum + sum>>16)
}

// clash is a key of others that has a tag of k, now or when either is revoked.
func (k *Key) clash(others []*Key) *Key {
	plain := *k
	plain.flags &^= flagRevoke
	a, b := plain.Tag(), k.Revoke().Tag()
	for _, o := range others {
		was := *o
		was.flags &^= flagRevoke
		x, y := was.Tag(), o.Revoke().Tag()
		if a == x || a == y || b == x || b == y {
			return o
		}
	}
	return nil
}

// DNSKEY is the record of the public key.
func (k *Key) DNSKEY(ttl uint32) *dns.DNSKEY {
	return &dns.DNSKEY{
		Hdr:   k.header(dns.TypeDNSKEY, ttl),
		Flags: k.flags, Protocol: 3, Algorithm: uint8(k.alg),
		PublicKey: base64.StdEncoding.EncodeToString(k.public),
	}
}

func (k *Key) header(typ uint16, ttl uint32) dns.RR_Header {
	return dns.RR_Header{Name: k.zone.String(), Rrtype: typ, Class: dns.ClassINET, Ttl: ttl}
}

// Digest is the hash of a DS record.
type Digest uint8

// The digests of DS records. SHA-1 is refused (RFC 9905).
const (
	SHA256 Digest = 2 // RFC 4509; the usual one
	SHA384 Digest = 4 // RFC 6605
)

// DS is what the parent zone has of the key.
func (k *Key) DS(digest Digest, ttl uint32) (*dns.DS, error) {
	data := append(k.zone.appendWire(nil), k.rdata()...)
	var sum []byte
	switch digest {
	case SHA256:
		s := sha256.Sum256(data)
		sum = s[:]
	case SHA384:
		s := sha512.Sum384(data)
		sum = s[:]
	default:
		return nil, fmt.Errorf("dnssec: DS of %v: digest %d is neither 2 nor 4", k, digest)
	}
	return &dns.DS{
		Hdr:    k.header(dns.TypeDS, ttl),
		KeyTag: k.Tag(), Algorithm: uint8(k.alg), DigestType: uint8(digest), Digest: hex.EncodeToString(sum),
	}, nil
}

// sign makes a signature as an RRSIG has it. Keys of ECDSA in memory sign without
// randomness (RFC 6979), which costs less and repeats.
func (k *Key) sign(data []byte) ([]byte, error) {
	digest, hash := k.alg.digest(data)
	random := rand.Reader
	if _, ok := k.signer.(*ecdsa.PrivateKey); ok {
		random = nil
	}
	sig, err := k.signer.Sign(random, digest, hash)
	if err == nil && k.alg.curve() != nil {
		sig, err = fixedECDSA(sig, len(k.public)/2)
	}
	if err != nil {
		return nil, fmt.Errorf("dnssec: sign by %v: %w", k, err)
	}
	return sig, nil
}

// String names the key as its files are named.
func (k Key) String() string { return k.base() }

// Format prints what String does, whatever the verb, so that nothing secret is
// printed.
func (k Key) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(k.base())) }

// base is the name of the files, without their ends.
func (k Key) base() string {
	return fmt.Sprintf("K%s+%03d+%05d", fileName(k.zone), k.alg, k.Tag())
}
