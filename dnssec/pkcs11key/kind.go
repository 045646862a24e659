package pkcs11key

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/asn1"
	"errors"
	"fmt"
	"math"
	"math/big"

	"github.com/miekg/pkcs11"
)

// Of PKCS #11 3.0, section 2.3; the library's binding has none of these.
const (
	ckmEdwardsGenerate      = 0x1055
	ckmEdDSA                = 0x1057
	algRSA                  = 8
	algP256                 = 13
	algP384                 = 14
	algEd25519              = 15
	minRSA, maxRSA          = 2048, 4096
	rsaExponent             = 65537
	derOctetString     byte = 0x04
)

// Curves as in CKA_EC_PARAMS: the object identifiers of P-256, P-384 and Ed25519, and
// the name that PKCS #11 has for the last.
var (
	oidP256     = []byte{0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07}
	oidP384     = []byte{0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22}
	oidEd25519  = []byte{0x06, 0x03, 0x2b, 0x65, 0x70}
	nameEd25519 = append([]byte{0x13, 12}, "edwards25519"...)
)

// kind is how a pair of keys is made.
type kind struct {
	generate uint
	public   []*pkcs11.Attribute
}

func newKind(algorithm uint8, bits int) (kind, error) {
	switch algorithm {
	case algRSA:
		if bits < minRSA || bits > maxRSA {
			return kind{}, fmt.Errorf("an RSA key of %d bits: make it %d to %d", bits, minRSA, maxRSA)
		}
		return kind{pkcs11.CKM_RSA_PKCS_KEY_PAIR_GEN, []*pkcs11.Attribute{
			pkcs11.NewAttribute(pkcs11.CKA_MODULUS_BITS, bits),
			pkcs11.NewAttribute(pkcs11.CKA_PUBLIC_EXPONENT, big.NewInt(rsaExponent).Bytes()),
		}}, nil
	case algP256:
		return onCurve(pkcs11.CKM_EC_KEY_PAIR_GEN, oidP256), nil
	case algP384:
		return onCurve(pkcs11.CKM_EC_KEY_PAIR_GEN, oidP384), nil
	case algEd25519:
		return onCurve(ckmEdwardsGenerate, oidEd25519), nil
	}
	return kind{}, fmt.Errorf("algorithm %d: %w: it is none of 8, 13, 14 and 15", algorithm, errors.ErrUnsupported)
}

func onCurve(mechanism uint, params []byte) kind {
	return kind{mechanism, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_EC_PARAMS, params)}}
}

// public reads a public key.
func (s *Store) public(session pkcs11.SessionHandle, handle pkcs11.ObjectHandle) (crypto.PublicKey, error) {
	attrs, err := s.lib.GetAttributeValue(session, handle, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, nil)})
	if err != nil {
		return nil, fmt.Errorf("type of the key: %w", err)
	}
	rsaKind := bytes.Equal(attrs[0].Value, pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_RSA).Value)
	first, second := uint(pkcs11.CKA_EC_PARAMS), uint(pkcs11.CKA_EC_POINT)
	if rsaKind {
		first, second = pkcs11.CKA_MODULUS, pkcs11.CKA_PUBLIC_EXPONENT
	}
	attrs, err = s.lib.GetAttributeValue(session, handle, []*pkcs11.Attribute{
		pkcs11.NewAttribute(first, nil), pkcs11.NewAttribute(second, nil),
	})
	if err != nil {
		return nil, fmt.Errorf("the public key: %w", err)
	}
	if rsaKind {
		return rsaKey(attrs[0].Value, attrs[1].Value)
	}
	return curveKey(attrs[0].Value, attrs[1].Value)
}

func rsaKey(modulus, exponent []byte) (crypto.PublicKey, error) {
	n, e := new(big.Int).SetBytes(modulus), new(big.Int).SetBytes(exponent)
	if n.BitLen() < minRSA || n.BitLen() > maxRSA || !e.IsInt64() || e.Int64() < 3 || e.Int64() > math.MaxInt32 {
		return nil, fmt.Errorf("an RSA key of %d bits with exponent %.20v: %w", n.BitLen(), e, errors.ErrUnsupported)
	}
	return &rsa.PublicKey{N: n, E: int(e.Int64())}, nil
}

// curveKey reads a point, which some tokens wrap as an octet string and some do not.
func curveKey(params, point []byte) (crypto.PublicKey, error) {
	var inner []byte
	if rest, err := asn1.Unmarshal(point, &inner); err == nil && len(rest) == 0 && point[0] == derOctetString {
		point = inner
	}
	switch {
	case bytes.Equal(params, oidP256):
		return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	case bytes.Equal(params, oidP384):
		return ecdsa.ParseUncompressedPublicKey(elliptic.P384(), point)
	case !bytes.Equal(params, oidEd25519) && !bytes.Equal(params, nameEd25519):
		return nil, fmt.Errorf("a key of curve %x: %w", params, errors.ErrUnsupported)
	case len(point) != ed25519.PublicKeySize:
		return nil, fmt.Errorf("an Ed25519 key of %d bytes", len(point))
	}
	return ed25519.PublicKey(point), nil
}
