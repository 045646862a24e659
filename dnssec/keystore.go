package dnssec

import (
	"context"
	"crypto"
)

// KeyStore keeps the private keys of zones. A key is known by its [Key.String], as
// "Kexample.+013+12345". It may be used by many goroutines.
type KeyStore interface {
	// Generate makes a key that [KeyStore.List] has from then on, whatever happens:
	// it is durable before Generate returns.
	Generate(ctx context.Context, zone Name, o KeyOptions) (*Key, error)
	// List is all keys of a zone, none of which is no error. One that cannot be read
	// is an error, not one key less.
	List(ctx context.Context, zone Name) ([]*Key, error)
	// Save keeps the timing metadata of a key, as far as the store has any.
	Save(ctx context.Context, k *Key) error
	// Remove forgets a key. One that is gone already is no error.
	Remove(ctx context.Context, k *Key) error
}

var (
	_ KeyStore = KeyFiles{}
	_ KeyStore = (*SignerKeys)(nil)
)

// SignerStore keeps private keys under labels and signs by them, as a hardware module
// or a service for keys does. It has types of the standard library only, so that one
// can be written without this package. It may be used by many goroutines.
type SignerStore interface {
	// Generate makes a key of a DNSSEC algorithm (8, 13, 14 or 15, as in DNSKEY
	// records) under a label, durably. Bits is the size of an RSA key. A label that
	// is there is an error that wraps [fs.ErrExist].
	Generate(ctx context.Context, label string, algorithm uint8, bits int) (crypto.Signer, error)
	// Find is the key of a label. A missing one is an error that wraps [fs.ErrNotExist].
	Find(ctx context.Context, label string) (crypto.Signer, error)
	// List is the labels that begin with a prefix, in any order.
	List(ctx context.Context, prefix string) ([]string, error)
	// Remove destroys a key. One that is gone already is no error.
	Remove(ctx context.Context, label string) error
}
