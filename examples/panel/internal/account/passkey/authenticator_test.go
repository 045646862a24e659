package passkey_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// authenticator is a browser with an authenticator in it. Its knobs make it lie.
type authenticator struct {
	t      *testing.T
	key    *ecdsa.PrivateKey
	id     []byte
	handle []byte
	count  uint32

	origin, party string
	unverified    bool // the user
	challenge     string
	kind          string
	crossOrigin   bool
	// spoil changes the signature.
	spoil bool
	// backed is whether it says that it keeps copies.
	backed bool
}

func newAuthenticator(t *testing.T) *authenticator {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	id := make([]byte, 16)
	_, err = rand.Read(id)
	require.NoError(t, err)
	return &authenticator{t: t, key: key, id: id, origin: "https://panel.example.net", party: "panel.example.net"}
}

// The flags of authenticator data (Web Authentication level 3, section 6.1).
const (
	userPresent    = 1 << 0
	userVerified   = 1 << 2
	backupEligible = 1 << 3
	backupState    = 1 << 4
	attested       = 1 << 6
)

var b64 = base64.RawURLEncoding

// clientData is what the browser says.
func (a *authenticator) clientData(kind, challenge string) []byte {
	if a.challenge != "" {
		challenge = a.challenge
	}
	if a.kind != "" {
		kind = a.kind
	}
	data, err := json.Marshal(map[string]any{"type": kind, "challenge": challenge, "origin": a.origin, "crossOrigin": a.crossOrigin})
	require.NoError(a.t, err)
	return data
}

// data is what the authenticator says, without its new key.
func (a *authenticator) data(flags byte) []byte {
	a.count++
	party := sha256.Sum256([]byte(a.party))
	flags |= userPresent
	if !a.unverified {
		flags |= userVerified
	}
	if a.backed {
		flags |= backupEligible | backupState
	}
	return binary.BigEndian.AppendUint32(append(party[:], flags), a.count)
}

// create answers the options of a registration.
func (a *authenticator) create(options json.RawMessage) json.RawMessage {
	a.t.Helper()
	var o struct {
		PublicKey struct {
			Challenge string `json:"challenge"`
			User      struct {
				ID string `json:"id"`
			} `json:"user"`
		} `json:"publicKey"`
	}
	require.NoError(a.t, json.Unmarshal(options, &o))
	var err error
	a.handle, err = b64.DecodeString(o.PublicKey.User.ID)
	require.NoError(a.t, err)
	data := a.data(attested)
	data = append(data, make([]byte, 16)...) // an AAGUID that says nothing
	data = binary.BigEndian.AppendUint16(data, uint16(len(a.id)))
	data = append(append(data, a.id...), a.publicKey()...)
	object := cborMap(
		cborText("fmt"), cborText("none"),
		cborText("attStmt"), cborMap(),
		cborText("authData"), cborBytes(data),
	)
	return a.response(map[string]any{
		"clientDataJSON":    b64.EncodeToString(a.clientData("webauthn.create", o.PublicKey.Challenge)),
		"attestationObject": b64.EncodeToString(object),
		"transports":        []string{"internal"},
	})
}

// get answers the options of a login.
func (a *authenticator) get(options json.RawMessage) json.RawMessage {
	a.t.Helper()
	var o struct {
		PublicKey struct {
			Challenge string `json:"challenge"`
		} `json:"publicKey"`
	}
	require.NoError(a.t, json.Unmarshal(options, &o))
	data, client := a.data(0), a.clientData("webauthn.get", o.PublicKey.Challenge)
	clientHash := sha256.Sum256(client)
	digest := sha256.Sum256(append(append([]byte(nil), data...), clientHash[:]...))
	if a.spoil {
		digest[0] ^= 1
	}
	signature, err := ecdsa.SignASN1(rand.Reader, a.key, digest[:])
	require.NoError(a.t, err)
	return a.response(map[string]any{
		"clientDataJSON":    b64.EncodeToString(client),
		"authenticatorData": b64.EncodeToString(data),
		"signature":         b64.EncodeToString(signature),
		"userHandle":        b64.EncodeToString(a.handle),
	})
}

func (a *authenticator) response(inner map[string]any) json.RawMessage {
	data, err := json.Marshal(map[string]any{
		"id": b64.EncodeToString(a.id), "rawId": b64.EncodeToString(a.id), "type": "public-key",
		"authenticatorAttachment": "platform", "clientExtensionResults": map[string]any{}, "response": inner,
	})
	require.NoError(a.t, err)
	return data
}

// publicKey is the key as COSE has it: ES256 on P-256 (RFC 9053, section 7.1.1).
func (a *authenticator) publicKey() []byte {
	point, err := a.key.PublicKey.Bytes() // 4, x, y
	require.NoError(a.t, err)
	x, y := point[1:33], point[33:]
	return cborMap(
		cborInt(1), cborInt(2),
		cborInt(3), cborInt(-7),
		cborInt(-1), cborInt(1),
		cborInt(-2), cborBytes(x),
		cborInt(-3), cborBytes(y),
	)
}

// CBOR (RFC 8949), as far as authenticators need it.

func cborHead(major byte, n int) []byte {
	switch {
	case n < 24:
		return []byte{major<<5 | byte(n)}
	case n < 256:
		return []byte{major<<5 | 24, byte(n)}
	}
	return binary.BigEndian.AppendUint16([]byte{major<<5 | 25}, uint16(n))
}

func cborInt(n int) []byte {
	if n < 0 {
		return cborHead(1, -1-n)
	}
	return cborHead(0, n)
}

func cborBytes(b []byte) []byte { return append(cborHead(2, len(b)), b...) }

func cborText(s string) []byte { return append(cborHead(3, len(s)), s...) }

func cborMap(items ...[]byte) []byte {
	m := cborHead(5, len(items)/2)
	for _, item := range items {
		m = append(m, item...)
	}
	return m
}
