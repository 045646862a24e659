package dnssec

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"math/big"
)

// Algorithm is a signature algorithm of the IANA registry.
type Algorithm uint8

// The algorithms that may sign. Those with SHA-1, and GOST, are refused (RFC 9905,
// RFC 9906).
const (
	RSASHA256       Algorithm = 8  // RFC 5702
	ECDSAP256SHA256 Algorithm = 13 // RFC 6605; the usual choice
	ECDSAP384SHA384 Algorithm = 14 // RFC 6605
	Ed25519         Algorithm = 15 // RFC 8080
)

// String is the mnemonic that key files have.
func (a Algorithm) String() string {
	switch a {
	case RSASHA256:
		return "RSASHA256"
	case ECDSAP256SHA256:
		return "ECDSAP256SHA256"
	case ECDSAP384SHA384:
		return "ECDSAP384SHA384"
	case Ed25519:
		return "ED25519"
	}
	return fmt.Sprintf("algorithm %d", uint8(a))
}

func (a Algorithm) known() error {
	switch a {
	case RSASHA256, ECDSAP256SHA256, ECDSAP384SHA384, Ed25519:
		return nil
	}
	return fmt.Errorf("dnssec: %v may not sign: use 13, 15, 8 or 14", a)
}

// curve is nil if the algorithm is none of ECDSA.
func (a Algorithm) curve() elliptic.Curve {
	switch a {
	case ECDSAP256SHA256:
		return elliptic.P256()
	case ECDSAP384SHA384:
		return elliptic.P384()
	}
	return nil
}

// digest is what is signed of the data, and how [crypto.Signer] calls it.
func (a Algorithm) digest(data []byte) ([]byte, crypto.Hash) {
	switch a {
	case ECDSAP384SHA384:
		sum := sha512.Sum384(data)
		return sum[:], crypto.SHA384
	case Ed25519:
		return data, crypto.Hash(0)
	}
	sum := sha256.Sum256(data)
	return sum[:], crypto.SHA256
}

const (
	minRSA = 1024 // what is still about; Generate makes no less than 2048
	maxRSA = 4096 // RFC 5702, section 2
)

// publicOctets is the public key as a DNSKEY has it.
func (a Algorithm) publicOctets(public crypto.PublicKey) ([]byte, error) {
	switch p := public.(type) {
	case *rsa.PublicKey:
		if bits := p.N.BitLen(); bits < minRSA || bits > maxRSA {
			return nil, fmt.Errorf("dnssec: an RSA key of %d bits: %d to %d may sign", bits, minRSA, maxRSA)
		}
		if a == RSASHA256 {
			e := big.NewInt(int64(p.E)).Bytes()
			return append(append([]byte{byte(len(e))}, e...), p.N.Bytes()...), nil
		}
	case *ecdsa.PublicKey:
		if c := a.curve(); c != nil && p.Curve == c {
			b, err := p.Bytes()
			if err != nil {
				return nil, fmt.Errorf("dnssec: %v: %w", a, err)
			}
			return b[1:], nil
		}
	case ed25519.PublicKey:
		if a == Ed25519 && len(p) == ed25519.PublicKeySize {
			return p, nil
		}
	}
	return nil, fmt.Errorf("dnssec: a key of type %T is not one of %v", public, a)
}

// verify checks a signature by the octets of a DNSKEY.
func (a Algorithm) verify(public, data, sig []byte) error {
	digest, hash := a.digest(data)
	ok := false
	switch a {
	case RSASHA256:
		key, err := rsaPublic(public)
		if err != nil {
			return err
		}
		ok = rsa.VerifyPKCS1v15(key, hash, digest, sig) == nil
	case ECDSAP256SHA256, ECDSAP384SHA384:
		key, err := ecdsa.ParseUncompressedPublicKey(a.curve(), append([]byte{4}, public...))
		if err != nil {
			return fmt.Errorf("dnssec: public key: %w", err)
		}
		if half := len(public) / 2; len(sig) == 2*half {
			ok = ecdsa.Verify(key, digest, new(big.Int).SetBytes(sig[:half]), new(big.Int).SetBytes(sig[half:]))
		}
	case Ed25519:
		ok = len(public) == ed25519.PublicKeySize && ed25519.Verify(public, data, sig)
	}
	if !ok {
		return errBadSignature
	}
	return nil
}

var errBadSignature = errors.New("dnssec: the signature is not of this data and key")

// rsaPublic reads an exponent and a modulus (RFC 3110, section 2).
func rsaPublic(b []byte) (*rsa.PublicKey, error) {
	if len(b) < 3 || b[0] == 0 || b[0] > 4 || len(b) < 1+int(b[0])+minRSA/8 {
		return nil, errors.New("dnssec: public key: not one of RSA, or with an exponent above 32 bits")
	}
	n := int(b[0])
	e := 0
	for _, c := range b[1 : 1+n] {
		e = e<<8 | int(c)
	}
	return &rsa.PublicKey{E: e, N: new(big.Int).SetBytes(b[1+n:])}, nil
}

// fixedECDSA makes the two numbers of a DER signature as long as the curve's order
// (RFC 6605, section 4).
func fixedECDSA(der []byte, size int) ([]byte, error) {
	bad := errors.New("dnssec: the signer's ECDSA signature is not DER")
	if len(der) < 2 || der[0] != 0x30 || int(der[1]) != len(der)-2 {
		return nil, bad
	}
	out := make([]byte, 2*size)
	rest := der[2:]
	for i := range 2 {
		if len(rest) < 2 || rest[0] != 2 || int(rest[1]) > len(rest)-2 {
			return nil, bad
		}
		number := rest[2 : 2+rest[1]]
		rest = rest[2+rest[1]:]
		for len(number) > 0 && number[0] == 0 {
			number = number[1:]
		}
		if len(number) == 0 || len(number) > size {
			return nil, bad
		}
		copy(out[(i+1)*size-len(number):], number)
	}
	if len(rest) > 0 {
		return nil, bad
	}
	return out, nil
}
