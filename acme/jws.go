package acme

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha256" // the hashes of signatures
	_ "crypto/sha512"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
)

// signer signs requests as JSON Web Signatures, RFC 8555 section 6.2.
type signer struct {
	key   crypto.Signer
	alg   string
	hash  crypto.Hash
	size  int    // octets of each half of an ECDSA signature; 0 is RSA
	jwk   string // the public key, RFC 7638
	thumb string
	kid   string // the account's URL; "" sends jwk
}

const minRSA = 2048

func newSigner(key crypto.Signer) (*signer, error) {
	s := &signer{key: key}
	switch pub := key.Public().(type) {
	case *ecdsa.PublicKey:
		if err := s.useECDSA(pub); err != nil {
			return nil, err
		}
	case *rsa.PublicKey:
		if bits := pub.N.BitLen(); bits < minRSA {
			return nil, fmt.Errorf("RSA of %d bits: use %d or more", bits, minRSA)
		}
		s.alg, s.hash = "RS256", crypto.SHA256
		s.jwk = fmt.Sprintf(`{"e":"%s","kty":"RSA","n":"%s"}`, b64(big.NewInt(int64(pub.E)).Bytes()), b64(pub.N.Bytes()))
	default:
		return nil, fmt.Errorf("a %T: use RSA or ECDSA", pub)
	}
	h := crypto.SHA256.New()
	h.Write([]byte(s.jwk))
	s.thumb = b64(h.Sum(nil))
	return s, nil
}

func (s *signer) useECDSA(pub *ecdsa.PublicKey) error {
	name := pub.Curve.Params().Name
	switch name {
	case "P-256":
		s.alg, s.hash = "ES256", crypto.SHA256
	case "P-384":
		s.alg, s.hash = "ES384", crypto.SHA384
	case "P-521":
		s.alg, s.hash = "ES512", crypto.SHA512
	default:
		return fmt.Errorf("ECDSA on %s: use P-256, P-384 or P-521", name)
	}
	point, err := pub.Bytes()
	if err != nil {
		return err
	}
	s.size = len(point) / 2
	s.jwk = fmt.Sprintf(`{"crv":"%s","kty":"EC","x":"%s","y":"%s"}`, name, b64(point[1:1+s.size]), b64(point[1+s.size:]))
	return nil
}

// withAccount is the signer that names the account.
func (s *signer) withAccount(url string) *signer {
	named := *s
	named.kid = url
	return &named
}

// keyAuth is the key authorization of a token, RFC 8555 section 8.1.
func (s *signer) keyAuth(token string) string { return token + "." + s.thumb }

type jws struct {
	Protected string `json:"protected"`
	Payload   string `json:"payload"`
	Signature string `json:"signature"`
}

type protectedHeader struct {
	Alg   string          `json:"alg"`
	JWK   json.RawMessage `json:"jwk,omitempty"`
	KID   string          `json:"kid,omitempty"`
	Nonce string          `json:"nonce,omitempty"`
	URL   string          `json:"url"`
}

// sign signs a payload for the URL. A nonce of "" is left out: that is an inner
// signature.
func (s *signer) sign(url, nonce string, payload []byte) ([]byte, error) {
	h := protectedHeader{Alg: s.alg, KID: s.kid, Nonce: nonce, URL: url}
	if s.kid == "" {
		h.JWK = json.RawMessage(s.jwk)
	}
	return seal(h, payload, s.signature)
}

func (s *signer) signature(input []byte) ([]byte, error) {
	h := s.hash.New()
	h.Write(input)
	sig, err := s.key.Sign(rand.Reader, h.Sum(nil), s.hash)
	if err != nil || s.size == 0 {
		return sig, err
	}
	var halves struct{ R, S *big.Int }
	if rest, err := asn1.Unmarshal(sig, &halves); err != nil || len(rest) > 0 {
		return nil, errors.New("the key made a signature that is not ASN.1")
	}
	if halves.R.Sign() < 0 || halves.S.Sign() < 0 || halves.R.BitLen() > 8*s.size || halves.S.BitLen() > 8*s.size {
		return nil, errors.New("the key made a signature of another size")
	}
	flat := make([]byte, 2*s.size)
	halves.R.FillBytes(flat[:s.size])
	halves.S.FillBytes(flat[s.size:])
	return flat, nil
}

// bind is the external account binding of the account's key, RFC 8555 section
// 7.3.4.
func (s *signer) bind(url string, eab *EAB) ([]byte, error) {
	return seal(protectedHeader{Alg: "HS256", KID: eab.KeyID, URL: url}, []byte(s.jwk), func(input []byte) ([]byte, error) {
		mac := hmac.New(crypto.SHA256.New, eab.HMAC)
		mac.Write(input)
		return mac.Sum(nil), nil
	})
}

func seal(h protectedHeader, payload []byte, sign func(input []byte) ([]byte, error)) ([]byte, error) {
	header, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	j := jws{Protected: b64(header), Payload: b64(payload)}
	sig, err := sign([]byte(j.Protected + "." + j.Payload))
	if err != nil {
		return nil, fmt.Errorf("sign with the account's key: %w", err)
	}
	j.Signature = b64(sig)
	return json.Marshal(j)
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
