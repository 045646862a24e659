package acmetest

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	_ "crypto/sha512" // ES384, ES512
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
)

// caMessage is a signed request that has been verified.
type caMessage struct {
	payload []byte
	key     crypto.PublicKey
	jwk     string // as RFC 7638 writes it; "" if the request names an account
	account *caAccount
}

type caJWS struct {
	Protected, Payload, Signature string
}

type caHeader struct {
	Alg   string `json:"alg"`
	JWK   *caJWK `json:"jwk"`
	KID   string `json:"kid"`
	Nonce string `json:"nonce"`
	URL   string `json:"url"`
}

type caJWK struct {
	Kty, Crv, X, Y, N, E string
}

func (j caJWS) header() (h caHeader, err error) {
	text, err := base64.RawURLEncoding.DecodeString(j.Protected)
	if err != nil {
		return h, err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	return h, d.Decode(&h)
}

// open verifies a request for the URL and takes its nonce.
func (ca *CA) open(body []byte, url string) (*caMessage, *caProblem) {
	var j caJWS
	if err := json.Unmarshal(body, &j); err != nil {
		return nil, caRefuse(400, "malformed", "no JWS: %v", err)
	}
	h, err := j.header()
	switch {
	case err != nil:
		return nil, caRefuse(400, "malformed", "header: %v", err)
	case h.URL != url:
		return nil, caRefuse(401, "unauthorized", "signed for %q, sent to %q", h.URL, url)
	case !ca.takeNonce(h.Nonce):
		return nil, caRefuse(400, "badNonce", "nonce %q is not good", h.Nonce)
	case (h.JWK == nil) == (h.KID == ""):
		return nil, caRefuse(400, "malformed", "one of jwk and kid, please")
	}
	m := new(caMessage)
	if h.KID != "" {
		if m.account = ca.accounts[h.KID]; m.account == nil {
			return nil, caRefuse(400, "accountDoesNotExist", "no account %q", h.KID)
		}
		if m.account.status != "valid" {
			return nil, caRefuse(403, "unauthorized", "account %q is %s", h.KID, m.account.status)
		}
		m.key = m.account.key
	} else if m.key, m.jwk, err = h.JWK.parse(); err != nil {
		return nil, caRefuse(400, "badPublicKey", "%v", err)
	}
	if m.payload, err = j.verify(h.Alg, m.key); err != nil {
		return nil, caRefuse(400, "malformed", "signature: %v", err)
	}
	return m, nil
}

func (j caJWS) parts() (input, payload, signature []byte, err error) {
	if payload, err = base64.RawURLEncoding.DecodeString(j.Payload); err != nil {
		return nil, nil, nil, err
	}
	signature, err = base64.RawURLEncoding.DecodeString(j.Signature)
	return []byte(j.Protected + "." + j.Payload), payload, signature, err
}

func (j caJWS) verify(alg string, key crypto.PublicKey) ([]byte, error) {
	input, payload, signature, err := j.parts()
	if err != nil {
		return nil, err
	}
	hash, ok := map[string]crypto.Hash{
		"RS256": crypto.SHA256, "ES256": crypto.SHA256, "ES384": crypto.SHA384, "ES512": crypto.SHA512,
	}[alg]
	if !ok {
		return nil, fmt.Errorf("algorithm %q", alg)
	}
	h := hash.New()
	h.Write(input)
	digest := h.Sum(nil)
	switch pub := key.(type) {
	case *rsa.PublicKey:
		return payload, rsa.VerifyPKCS1v15(pub, hash, digest, signature)
	case *ecdsa.PublicKey:
		half := (pub.Curve.Params().BitSize + 7) / 8
		if len(signature) != 2*half {
			return nil, fmt.Errorf("%d octets long", len(signature))
		}
		r, s := new(big.Int).SetBytes(signature[:half]), new(big.Int).SetBytes(signature[half:])
		if ecdsa.Verify(pub, digest, r, s) {
			return payload, nil
		}
	}
	return nil, errors.New("does not verify")
}

// verifyMAC verifies an external account binding.
func (j caJWS) verifyMAC(secret []byte) ([]byte, error) {
	input, payload, signature, err := j.parts()
	if err != nil {
		return nil, err
	}
	mac := hmac.New(sha256.New, secret)
	mac.Write(input)
	if !hmac.Equal(mac.Sum(nil), signature) {
		return nil, errors.New("does not verify")
	}
	return payload, nil
}

// parse makes a key of a JWK, and the text that its thumbprint is of.
func (k *caJWK) parse() (crypto.PublicKey, string, error) {
	number := func(s string) []byte {
		b, err := base64.RawURLEncoding.DecodeString(s)
		if err != nil {
			return nil
		}
		return b
	}
	switch k.Kty {
	case "RSA":
		n, e := new(big.Int).SetBytes(number(k.N)), new(big.Int).SetBytes(number(k.E))
		if n.BitLen() < 2048 || !e.IsInt64() || e.Int64() > 1<<31-1 {
			return nil, "", errors.New("RSA key is too short or odd")
		}
		return &rsa.PublicKey{N: n, E: int(e.Int64())}, fmt.Sprintf(`{"e":%q,"kty":"RSA","n":%q}`, k.E, k.N), nil
	case "EC":
		for _, curve := range []elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()} {
			if curve.Params().Name != k.Crv {
				continue
			}
			point := append([]byte{4}, append(number(k.X), number(k.Y)...)...)
			pub, err := ecdsa.ParseUncompressedPublicKey(curve, point)
			return pub, fmt.Sprintf(`{"crv":%q,"kty":"EC","x":%q,"y":%q}`, k.Crv, k.X, k.Y), err
		}
	}
	return nil, "", fmt.Errorf("a key of type %q %q", k.Kty, k.Crv)
}

func (ca *CA) newNonce() string {
	n := rand.Text()
	ca.mu.Lock()
	defer ca.mu.Unlock()
	ca.nonces[n] = true
	return n
}

// takeNonce says whether the nonce is good: each is once, and some are refused
// for the client's exercise.
func (ca *CA) takeNonce(n string) bool {
	good := ca.nonces[n]
	delete(ca.nonces, n)
	return good && !ca.percent(ca.o.BadNonces)
}

// percent is true p times of a hundred, the same times in every run.
func (ca *CA) percent(p int) bool {
	if p <= 0 {
		return false
	}
	ca.random = ca.random*6364136223846793005 + 1442695040888963407
	return int(ca.random>>33%100) < p
}
