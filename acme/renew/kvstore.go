package renew

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// KVStore keeps certificates in a store of keys that several nodes share. A
// certificate is one value, so that key and chain change together. Who may read the
// store reads the keys. KV is required.
type KVStore struct {
	// KV is the store.
	KV KV
	// Prefix begins each key. "" is "acme/".
	Prefix string
}

var _ Store = (*KVStore)(nil)

// kvBundle is what a value has.
type kvBundle struct {
	Key   string `json:"key"`
	Chain string `json:"chain"`
}

// Load implements [Store].
func (s *KVStore) Load(ctx context.Context, name string) (*Bundle, error) {
	val, err := s.get(ctx, "cert/", name)
	if err != nil {
		return nil, fmt.Errorf("renew: load %q: %w", name, err)
	}
	var b kvBundle
	if json.Unmarshal(val, &b) != nil { // whose error may quote the key
		return nil, fmt.Errorf("renew: load %q: the value is no certificate with key in JSON: remove it", name)
	}
	return &Bundle{KeyPEM: []byte(b.Key), ChainPEM: []byte(b.Chain)}, nil
}

// Commit implements [Store]. It refuses a key that is not the certificate's.
func (s *KVStore) Commit(ctx context.Context, name string, b *Bundle) error {
	_, err := b.TLS()
	if err == nil {
		var val []byte
		val, err = json.Marshal(kvBundle{string(b.KeyPEM), string(b.ChainPEM)})
		if err == nil {
			err = s.put(ctx, "cert/", name, val)
		}
	}
	if err != nil {
		return fmt.Errorf("renew: store %q: %w", name, err)
	}
	return nil
}

// LoadState implements [Store].
func (s *KVStore) LoadState(ctx context.Context, name string) ([]byte, error) {
	val, err := s.get(ctx, "state/", name)
	if err != nil {
		return nil, fmt.Errorf("renew: load the state of %q: %w", name, err)
	}
	return val, nil
}

// SaveState implements [Store].
func (s *KVStore) SaveState(ctx context.Context, name string, state []byte) error {
	if err := s.put(ctx, "state/", name, state); err != nil {
		return fmt.Errorf("renew: save the state of %q: %w", name, err)
	}
	return nil
}

// List implements [Store].
func (s *KVStore) List(ctx context.Context, fn func(name string) error) error {
	if s.KV == nil {
		return errNoKV
	}
	prefix := or(s.Prefix, "acme/") + "cert/"
	return s.KV.List(ctx, prefix, func(key string, _ []byte, _ int64) error {
		if name := strings.TrimPrefix(key, prefix); CheckName(name) == nil {
			return fn(name)
		}
		return nil
	})
}

// Lock implements [Store]. Of several nodes one has the lock.
func (s *KVStore) Lock(ctx context.Context, name string) (context.Context, func() error, error) {
	if err := s.check(name); err != nil {
		return nil, nil, err
	}
	held, unlock, err := s.KV.Lock(ctx, or(s.Prefix, "acme/")+name)
	if err != nil {
		return nil, nil, fmt.Errorf("renew: lock %q: %w", name, err)
	}
	return held, unlock, nil
}

var errNoKV = errors.New("renew: a KVStore needs KV")

func (s *KVStore) check(name string) error {
	if s.KV == nil {
		return errNoKV
	}
	return CheckName(name)
}

func (s *KVStore) get(ctx context.Context, kind, name string) ([]byte, error) {
	if err := s.check(name); err != nil {
		return nil, err
	}
	val, _, err := s.KV.Get(ctx, or(s.Prefix, "acme/")+kind+name)
	return val, err
}

func (s *KVStore) put(ctx context.Context, kind, name string, val []byte) error {
	if err := s.check(name); err != nil {
		return err
	}
	_, err := s.KV.Put(ctx, or(s.Prefix, "acme/")+kind+name, val, -1)
	return err
}
