package manager

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"time"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/rotate"
)

// keyring is the keys of a zone by ID, as its key store has them now.
type keyring map[string]*dnssec.Key

// keys reads the keys of a zone, and halts it if one that is needed is not there or is
// another.
func (m *Manager) keys(ctx context.Context, z *zone) (keyring, error) {
	list, err := m.Keys.List(ctx, z.apex)
	if err != nil {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("manager: keys of %q: %w", z.name, err)
		}
		return nil, halted(z.name, fmt.Errorf("%w: %w", ErrKey, err), "restore the key store; no key is made in the place of another")
	}
	ring := keyring{}
	for _, k := range list {
		ring[k.String()] = k
	}
	for i := range z.rec.State.Keys {
		k := &z.rec.State.Keys[i]
		if !needed(k) {
			continue
		}
		if err := ring.check(k.ID, k.Role, z.rec.Public[k.ID], k.Digests); err != nil {
			return nil, halted(z.name, err, "restore it; no other is made in its place")
		}
	}
	for _, r := range z.rec.State.Pending {
		if r.Key == nil {
			continue
		}
		if err := ring.check(r.Key.ID, r.Role, z.rec.Public[r.Key.ID], r.Key.Digests); err != nil {
			return nil, halted(z.name, err, "restore it; no other is made in its place")
		}
	}
	return ring, nil
}

// needed says whether anything is published of a key, or to be. One that only has to
// leave the caches is not.
func needed(k *rotate.Key) bool {
	if k.Use != rotate.Retired {
		return true
	}
	for kind := rotate.DNSKEY; kind <= rotate.DSRecord; kind++ {
		if s := k.Record(kind).State; s == rotate.Rumoured || s == rotate.Omnipresent {
			return true
		}
	}
	return false
}

// check says what is wrong with a key of the store.
func (r keyring) check(id string, role rotate.Role, public string, digests []rotate.DS) error {
	k := r[id]
	if k == nil {
		return fmt.Errorf("%w: %s: %w", ErrKey, id, fs.ErrNotExist)
	}
	if k.SEP() == (role == rotate.ZSK) {
		return fmt.Errorf("%w: %s is no key for a %v", ErrKey, id, role)
	}
	if public != "" && publicHash(k) != public {
		return fmt.Errorf("%w: %s is another key of the same tag", ErrKey, id)
	}
	for _, want := range digests {
		ds, err := k.DS(dnssec.Digest(want.DigestType), 0)
		if err != nil {
			return fmt.Errorf("%w: %s: %w", ErrKey, id, err)
		}
		if ds.Digest != want.Digest {
			return fmt.Errorf("%w: %s is another key of the same tag: its DS is %s, and the parent's is %v", ErrKey, id, ds.Digest, want)
		}
	}
	return nil
}

// publicHash tells public keys apart.
func publicHash(k *dnssec.Key) string { return hashKey(k.DNSKEY(0)) }

func hashKey(k *dns.DNSKEY) string {
	sum := sha256.Sum256([]byte(k.PublicKey))
	return hex.EncodeToString(sum[:])
}

// known says whether a key is the manager's, or was in the store before.
func (r *record) known(id string) bool {
	return slices.ContainsFunc(r.State.Keys, func(k rotate.Key) bool { return k.ID == id }) ||
		slices.ContainsFunc(r.State.Pending, func(p rotate.Request) bool { return p.Key != nil && p.Key.ID == id }) ||
		slices.Contains(r.Drop, id) || slices.Contains(r.Others, id)
}

// generate makes the keys that were asked for, or finds those that a process before
// this one made for the requests. They are durable when it returns.
func (m *Manager) generate(ctx context.Context, z *zone, ring keyring, asked []rotate.GenerateKey) error {
	for _, a := range asked {
		k := adopt(z, ring, a)
		if k == nil {
			var err error
			k, err = m.Keys.Generate(ctx, z.apex, dnssec.KeyOptions{
				Algorithm: dnssec.Algorithm(a.Algorithm), SEP: a.Role != rotate.ZSK, Bits: z.rec.Policy.RSABits,
				Others: slices.Collect(maps.Values(ring)),
			})
			if err != nil {
				return fmt.Errorf("manager: generate a %v for %q: %w", a.Role, z.name, err)
			}
		}
		ring[k.String()] = k
		fresh, err := newKey(k, a, z.rec.Policy.Digests)
		if err != nil {
			return fmt.Errorf("manager: generate a %v for %q: %w", a.Role, z.name, err)
		}
		z.fresh = append(z.fresh, fresh)
		m.event(z, Event{Kind: KeyGenerated, Key: fresh.ID, Text: fmt.Sprintf("%v of algorithm %d", a.Role, a.Algorithm)})
	}
	return nil
}

// adopt finds a key that was generated for a request and not told of.
func adopt(z *zone, ring keyring, a rotate.GenerateKey) *dnssec.Key {
	var found *dnssec.Key
	for id, k := range ring {
		used := slices.ContainsFunc(z.fresh, func(n rotate.NewKey) bool { return n.ID == id })
		if used || z.rec.known(id) || uint8(k.Algorithm()) != a.Algorithm || k.SEP() == (a.Role == rotate.ZSK) {
			continue
		}
		if found == nil || id < found.String() {
			found = k
		}
	}
	return found
}

func newKey(k *dnssec.Key, a rotate.GenerateKey, digests []dnssec.Digest) (rotate.NewKey, error) {
	n := rotate.NewKey{Request: a.Request, ID: k.String(), Tag: k.Tag()}
	if a.Role == rotate.ZSK {
		return n, nil
	}
	if len(digests) == 0 {
		digests = []dnssec.Digest{dnssec.SHA256}
	}
	for _, digest := range digests {
		ds, err := k.DS(digest, 0)
		if err != nil {
			return n, err
		}
		n.Digests = append(n.Digests, rotate.DS{Tag: ds.KeyTag, Algorithm: ds.Algorithm, DigestType: ds.DigestType, Digest: ds.Digest})
	}
	return n, nil
}

// strangers are the keys of the store that are not the manager's.
func strangers(rec *record, ring keyring) []string {
	rec.Others = nil
	var out []string
	for id := range ring {
		if !rec.known(id) {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}

// drop removes the private parts of keys that nothing needs any more.
func (m *Manager) drop(ctx context.Context, z *zone, ring keyring) error {
	if len(z.rec.Drop) == 0 {
		return nil
	}
	for _, id := range z.rec.Drop {
		if hash := z.rec.Public[id]; hash != "" && !slices.Contains(z.rec.Former, hash) {
			z.rec.Former = append(z.rec.Former, hash)
			z.rec.Former = z.rec.Former[max(0, len(z.rec.Former)-maxFormer):]
		}
		if k := ring[id]; k != nil {
			if err := m.Keys.Remove(ctx, k); err != nil {
				return fmt.Errorf("manager: remove key %s: %w", id, err)
			}
			delete(ring, id)
		}
		m.event(z, Event{Kind: KeyDropped, Key: id})
	}
	z.rec.Drop = nil
	z.rec.remember(ring)
	return m.commit(ctx, z)
}

// stamp writes into the keys' files when they came and go, for programs that read
// these. What it cannot write is told and changes nothing else.
func (m *Manager) stamp(ctx context.Context, z *zone, ring keyring) {
	var errs []error
	for i := range z.rec.State.Keys {
		k := &z.rec.State.Keys[i]
		key := ring[k.ID]
		if key == nil {
			continue
		}
		if t := timing(k, key.Timing); t != key.Timing {
			key.Timing = t
			errs = append(errs, m.Keys.Save(ctx, key))
		}
	}
	if ctx.Err() == nil {
		m.aside(z, "write timing metadata of keys", errors.Join(errs...))
	}
}

// timing is the metadata of BIND's key files as the state of a key has it.
func timing(k *rotate.Key, t dnssec.Timing) dnssec.Timing {
	begin := func(at *time.Time, r rotate.Record) {
		if r.State == rotate.Rumoured && at.IsZero() {
			*at = r.Since.Truncate(time.Second)
		}
	}
	end := func(at *time.Time, r rotate.Record) {
		switch r.State {
		case rotate.Rumoured, rotate.Omnipresent:
			*at = time.Time{}
		case rotate.Unretentive:
			*at = r.Since.Truncate(time.Second)
		}
	}
	signs := k.ZRRSIG
	if k.Role == rotate.KSK {
		signs = k.KRRSIG
	}
	begin(&t.Publish, k.DNSKEY)
	end(&t.Delete, k.DNSKEY)
	begin(&t.Activate, signs)
	end(&t.Inactive, signs)
	begin(&t.SyncPublish, k.DS)
	end(&t.SyncDelete, k.DS)
	if k.DS.State == rotate.Omnipresent && t.DSPublish.IsZero() {
		t.DSPublish = k.DS.Since.Truncate(time.Second)
	}
	return t
}
