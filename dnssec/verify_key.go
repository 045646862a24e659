package dnssec

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"math/big"
)

// verifyKey is a DNSKEY, ready to verify.
type verifyKey struct {
	rdata     string
	flags     uint16
	alg       Algorithm
	tag       uint16
	published bool
	known     bool // signatures by it were verified in the zone before
	check     func(data, sig []byte) bool
	many      *many // nil if signatures are only verified one by one
}

func (k *verifyKey) revoked() bool { return k.flags&flagRevoke != 0 }

// counts says whether its signatures prove anything to a validator.
func (k *verifyKey) counts() bool {
	return k.published && k.flags&flagZone != 0 && !k.revoked()
}

func (k *verifyKey) String() string { return fmt.Sprintf("key %d of %v", k.tag, k.alg) }

func parseVerifyKey(rdata string) (*verifyKey, error) {
	if len(rdata) < 5 {
		return nil, fmt.Errorf("a DNSKEY is cut short")
	}
	k := &verifyKey{
		rdata: rdata, flags: uint16(rdata[0])<<8 | uint16(rdata[1]), alg: Algorithm(rdata[3]), tag: keyTagOf(rdata),
	}
	if k.flags&^(flagZone|flagRevoke|flagSEP) != 0 {
		return nil, fmt.Errorf("%v has the flags %d, of which some are reserved", k, k.flags)
	}
	if rdata[2] != 3 {
		return nil, fmt.Errorf("%v has the protocol %d instead of 3", k, rdata[2])
	}
	if err := k.alg.known(); err != nil {
		return nil, fmt.Errorf("%v cannot be verified with", k)
	}
	if err := k.parse([]byte(rdata[4:])); err != nil {
		return nil, fmt.Errorf("%v: %w", k, err)
	}
	return k, nil
}

// keyTagOf is the tag of a DNSKEY's data (RFC 4034, appendix B).
func keyTagOf(rdata string) uint16 {
	var sum uint32
	for i := range len(rdata) {
		sum += uint32(rdata[i]) << (8 * (1 - i&1))
	}
	return uint16(sum + sum>>16)
}

// parse reads the public key.
func (k *verifyKey) parse(public []byte) error {
	switch k.alg {
	case RSASHA256:
		key, err := rsaPublic(public)
		if err != nil {
			return err
		}
		if bits := key.N.BitLen(); bits < minRSA || bits > maxRSA || key.E < 3 || key.E&1 == 0 {
			return fmt.Errorf("an RSA key of %d bits and the exponent %d", bits, key.E)
		}
		k.check = func(data, sig []byte) bool {
			sum := sha256.Sum256(data)
			return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], sig) == nil
		}
		return nil
	case Ed25519:
		if len(public) != ed25519.PublicKeySize {
			return fmt.Errorf("a public key of %d octets", len(public))
		}
		k.check = func(data, sig []byte) bool { return ed25519.Verify(public, data, sig) }
		return nil
	}
	key, err := ecdsa.ParseUncompressedPublicKey(k.alg.curve(), append([]byte{4}, public...))
	if err != nil {
		return err
	}
	if k.alg == ECDSAP256SHA256 {
		k.many = &many{public: key}
	}
	half := len(public) / 2
	k.check = func(data, sig []byte) bool {
		if len(sig) != 2*half {
			return false
		}
		r, s := new(big.Int).SetBytes(sig[:half]), new(big.Int).SetBytes(sig[half:])
		if k.alg == ECDSAP384SHA384 {
			sum := sha512.Sum384(data)
			return ecdsa.Verify(key, sum[:], r, s)
		}
		sum := sha256.Sum256(data)
		return ecdsa.Verify(key, sum[:], r, s)
	}
	return nil
}
