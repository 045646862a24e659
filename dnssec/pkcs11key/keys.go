package pkcs11key

import (
	"context"
	"crypto"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/miekg/pkcs11"
)

// Generate makes a key of a DNSSEC algorithm (8, 13, 14 or 15, as in DNSKEY records)
// under a label. Bits is the size of an RSA key. A label that is there is an error that
// wraps [fs.ErrExist].
func (s *Store) Generate(ctx context.Context, label string, algorithm uint8, bits int) (crypto.Signer, error) {
	s.making.Lock()
	defer s.making.Unlock()
	err := s.do(ctx, func(session pkcs11.SessionHandle) error {
		return s.generate(session, label, algorithm, bits)
	})
	if err != nil {
		return nil, fmt.Errorf("pkcs11key: generate %q of algorithm %d: %w", label, algorithm, err)
	}
	return s.Find(ctx, label)
}

func (s *Store) generate(session pkcs11.SessionHandle, label string, algorithm uint8, bits int) error {
	kind, err := newKind(algorithm, bits)
	if err != nil {
		return err
	}
	if label == "" {
		return errors.New("a key needs a label")
	}
	there, err := s.objects(session, byLabel(pkcs11.CKO_PRIVATE_KEY, label))
	if err != nil {
		return err
	}
	if len(there) > 0 {
		return fmt.Errorf("the label is taken: %w", fs.ErrExist)
	}
	id := make([]byte, 16)
	rand.Read(id)
	both := []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true),
		pkcs11.NewAttribute(pkcs11.CKA_LABEL, label),
		pkcs11.NewAttribute(pkcs11.CKA_ID, id),
	}
	public := append(kind.public, pkcs11.NewAttribute(pkcs11.CKA_VERIFY, true))
	private := []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, true),
		pkcs11.NewAttribute(pkcs11.CKA_SENSITIVE, true),
		pkcs11.NewAttribute(pkcs11.CKA_EXTRACTABLE, false),
		pkcs11.NewAttribute(pkcs11.CKA_SIGN, true),
	}
	mechanism := []*pkcs11.Mechanism{pkcs11.NewMechanism(kind.generate, nil)}
	if _, _, err := s.lib.GenerateKeyPair(session, mechanism, append(public, both...), append(private, both...)); err != nil {
		return fmt.Errorf("generate a key pair: %w", err)
	}
	return nil
}

// Find is the key of a label. A missing one is an error that wraps [fs.ErrNotExist]; two
// of one label, or one without its public half, are errors that do not.
func (s *Store) Find(ctx context.Context, label string) (crypto.Signer, error) {
	var found *signer
	err := s.do(ctx, func(session pkcs11.SessionHandle) (err error) {
		found, err = s.find(session, label)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("pkcs11key: find %q: %w", label, err)
	}
	return found, nil
}

// find also makes sure that the private half is there.
func (s *Store) find(session pkcs11.SessionHandle, label string) (*signer, error) {
	if _, err := s.private(session, label); err != nil {
		return nil, err
	}
	halves, err := s.objects(session, byLabel(pkcs11.CKO_PUBLIC_KEY, label))
	if err != nil {
		return nil, err
	}
	if len(halves) != 1 {
		return nil, fmt.Errorf("the token has %d public halves of it", len(halves))
	}
	public, err := s.public(session, halves[0])
	if err != nil {
		return nil, err
	}
	return &signer{store: s, label: label, public: public}, nil
}

// private is the handle of the private key, good in this connection.
func (s *Store) private(session pkcs11.SessionHandle, label string) (pkcs11.ObjectHandle, error) {
	handles, err := s.objects(session, byLabel(pkcs11.CKO_PRIVATE_KEY, label))
	switch {
	case err != nil:
		return 0, err
	case len(handles) == 0:
		return 0, fs.ErrNotExist
	case len(handles) > 1:
		return 0, fmt.Errorf("the token has %d keys of that label", len(handles))
	}
	return handles[0], nil
}

// List is the labels of keys that begin with a prefix. It asks the token for all of its
// keys.
func (s *Store) List(ctx context.Context, prefix string) ([]string, error) {
	var labels []string
	err := s.do(ctx, func(session pkcs11.SessionHandle) error {
		labels = nil
		handles, err := s.objects(session, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_PRIVATE_KEY)})
		for _, handle := range handles {
			attrs, err := s.lib.GetAttributeValue(session, handle, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_LABEL, nil)})
			if err != nil {
				return err
			}
			if label := string(attrs[0].Value); strings.HasPrefix(label, prefix) {
				labels = append(labels, label)
			}
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("pkcs11key: list %q: %w", prefix, err)
	}
	return labels, nil
}

// Remove destroys both halves of a key. One that is gone already is no error.
func (s *Store) Remove(ctx context.Context, label string) error {
	err := s.do(ctx, func(session pkcs11.SessionHandle) error {
		// That the private half is gone is what counts.
		for _, class := range []uint{pkcs11.CKO_PRIVATE_KEY, pkcs11.CKO_PUBLIC_KEY} {
			handles, err := s.objects(session, byLabel(class, label))
			if err != nil {
				return err
			}
			for _, handle := range handles {
				if err := s.lib.DestroyObject(session, handle); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("pkcs11key: remove %q: %w", label, err)
	}
	return nil
}

func byLabel(class uint, label string) []*pkcs11.Attribute {
	return []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_CLASS, class),
		pkcs11.NewAttribute(pkcs11.CKA_LABEL, label),
	}
}

// objects finds all that match.
func (s *Store) objects(session pkcs11.SessionHandle, match []*pkcs11.Attribute) ([]pkcs11.ObjectHandle, error) {
	if err := s.lib.FindObjectsInit(session, match); err != nil {
		return nil, err
	}
	var all []pkcs11.ObjectHandle
	for {
		some, _, err := s.lib.FindObjects(session, 100)
		if err != nil || len(some) == 0 {
			return all, errors.Join(err, s.lib.FindObjectsFinal(session))
		}
		all = append(all, some...)
	}
}
