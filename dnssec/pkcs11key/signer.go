package pkcs11key

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"math/big"

	"github.com/miekg/pkcs11"
)

var _ crypto.Signer = (*signer)(nil)

// signer is a key in the token. It is found by its label at each signature, since
// handles do not outlive a connection.
type signer struct {
	store  *Store
	label  string
	public crypto.PublicKey
}

// Public implements [crypto.Signer].
func (k *signer) Public() crypto.PublicKey { return k.public }

// Sign implements [crypto.Signer], as the keys of the standard library do: RSA makes
// PKCS #1 v1.5, ECDSA an ASN.1 signature, Ed25519 signs the message itself. The token
// has randomness of its own.
func (k *signer) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	mechanism, data, err := k.input(digest, opts)
	if err != nil {
		return nil, fmt.Errorf("pkcs11key: sign by %q: %w", k.label, err)
	}
	var signature []byte
	err = k.store.do(context.Background(), func(session pkcs11.SessionHandle) error {
		handle, err := k.store.private(session, k.label)
		if err != nil {
			return err
		}
		if err := k.store.lib.SignInit(session, []*pkcs11.Mechanism{pkcs11.NewMechanism(mechanism, nil)}, handle); err != nil {
			return err
		}
		signature, err = k.store.lib.Sign(session, data)
		return err
	})
	if err == nil {
		signature, err = k.output(signature)
	}
	if err != nil {
		return nil, fmt.Errorf("pkcs11key: sign by %q: %w", k.label, err)
	}
	return signature, nil
}

// digestInfos are the beginnings of RFC 8017 section 9.2, note 1.
var digestInfos = map[crypto.Hash][]byte{
	crypto.SHA256: {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20},
	crypto.SHA512: {0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03, 0x05, 0x00, 0x04, 0x40},
}

// input is what the token is given to sign, and how.
func (k *signer) input(digest []byte, opts crypto.SignerOpts) (uint, []byte, error) {
	hash := opts.HashFunc()
	if hash != 0 && hash.Size() != len(digest) {
		return 0, nil, fmt.Errorf("a digest of %d bytes is none of %v", len(digest), hash)
	}
	switch k.public.(type) {
	case *rsa.PublicKey:
		info, known := digestInfos[hash]
		if _, pss := opts.(*rsa.PSSOptions); pss || !known {
			return 0, nil, fmt.Errorf("RSA with %T and hash %v: %w", opts, hash, errors.ErrUnsupported)
		}
		return pkcs11.CKM_RSA_PKCS, append(info[:len(info):len(info)], digest...), nil
	case *ecdsa.PublicKey:
		if hash == 0 {
			return 0, nil, errors.New("ECDSA signs a digest, and it is not said of which hash")
		}
		return pkcs11.CKM_ECDSA, digest, nil
	}
	if o, ok := opts.(*ed25519.Options); hash != 0 || ok && o.Context != "" {
		return 0, nil, fmt.Errorf("a variant of Ed25519: %w", errors.ErrUnsupported)
	}
	return ckmEdDSA, digest, nil
}

// output makes a signature of the token one of the standard library.
func (k *signer) output(signature []byte) ([]byte, error) {
	public, ok := k.public.(*ecdsa.PublicKey)
	if !ok {
		return signature, nil
	}
	size := (public.Curve.Params().BitSize + 7) / 8
	if len(signature) != 2*size {
		return nil, fmt.Errorf("the token made an ECDSA signature of %d bytes, not %d", len(signature), 2*size)
	}
	return asn1.Marshal(struct{ R, S *big.Int }{
		new(big.Int).SetBytes(signature[:size]), new(big.Int).SetBytes(signature[size:]),
	})
}
