package dnssec

import (
	"context"
	"crypto"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"
)

// SignerKeys is a [KeyStore] whose private keys stay in a [SignerStore]. What else
// there is to know of a key is in its label:
//
//	Kexample.+013+257+20260102150405+R4ND0M
//
// that is zone, algorithm, flags of the DNSKEY record and when it was made. Other
// timing metadata is not kept.
type SignerKeys struct {
	Signers SignerStore
}

// Generate makes a key of a tag that no other key of the zone has, in the store or in
// o.Others.
func (s *SignerKeys) Generate(ctx context.Context, zone Name, o KeyOptions) (*Key, error) {
	if o.Algorithm == 0 {
		o.Algorithm = ECDSAP256SHA256
	}
	if err := o.Algorithm.known(); err != nil {
		return nil, err
	}
	if o.Bits == 0 {
		o.Bits = 2048
	}
	if o.Bits < 2048 || o.Bits > maxRSA {
		return nil, fmt.Errorf("dnssec: an RSA key of %d bits: make it 2048 to %d", o.Bits, maxRSA)
	}
	others, err := s.List(ctx, zone)
	if err != nil {
		return nil, err
	}
	others = append(others, o.Others...)
	for range storeTries {
		label := newLabel(zone, o, time.Now())
		signer, err := s.Signers.Generate(ctx, label.String(), uint8(o.Algorithm), o.Bits)
		if err != nil {
			return nil, fmt.Errorf("dnssec: generate a key of %v for %q: %w", o.Algorithm, zone, err)
		}
		k, err := label.key(signer)
		if err == nil && k.clash(others) == nil {
			return k, nil
		}
		if err := errors.Join(err, s.Signers.Remove(ctx, label.String())); err != nil {
			return nil, fmt.Errorf("dnssec: generate a key of %v for %q: %w", o.Algorithm, zone, err)
		}
	}
	return nil, fmt.Errorf("dnssec: generate a key for %q: %d keys in a row had tags of others", zone, storeTries)
}

// storeTries is how many keys in a row may have a taken tag. Two taken tags of 65,536
// make ten in a row impossible.
const storeTries = 10

// List finds all keys of a zone, in the order of their labels.
func (s *SignerKeys) List(ctx context.Context, zone Name) ([]*Key, error) {
	labels, err := s.Signers.List(ctx, "K"+fileName(zone)+"+")
	if err != nil {
		return nil, fmt.Errorf("dnssec: list keys of %q: %w", zone, err)
	}
	slices.Sort(labels)
	var keys []*Key
	for _, text := range labels {
		label, err := parseLabel(zone, text)
		if err != nil {
			return nil, fmt.Errorf("dnssec: list keys of %q: %w", zone, err)
		}
		signer, err := s.Signers.Find(ctx, text)
		if err != nil {
			return nil, fmt.Errorf("dnssec: list keys of %q: label %q: %w", zone, text, err)
		}
		k, err := label.key(signer)
		if err != nil {
			return nil, fmt.Errorf("dnssec: list keys of %q: label %q: %w", zone, text, err)
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// Save does nothing for a key that is there; a missing one is an error that wraps
// [fs.ErrNotExist].
func (s *SignerKeys) Save(ctx context.Context, k *Key) error {
	_, err := s.label(ctx, k)
	return err
}

// Remove destroys the key.
func (s *SignerKeys) Remove(ctx context.Context, k *Key) error {
	label, err := s.label(ctx, k)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = s.Signers.Remove(ctx, label)
	}
	if err != nil {
		return fmt.Errorf("dnssec: remove %v: %w", k, err)
	}
	return nil
}

// label finds the label of a key.
func (s *SignerKeys) label(ctx context.Context, k *Key) (string, error) {
	labels, err := s.Signers.List(ctx, "K"+fileName(k.zone)+"+")
	if err != nil {
		return "", fmt.Errorf("dnssec: find %v: %w", k, err)
	}
	for _, text := range labels {
		label, err := parseLabel(k.zone, text)
		if err != nil || label.alg != k.alg {
			continue
		}
		signer, err := s.Signers.Find(ctx, text)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return "", fmt.Errorf("dnssec: find %v: %w", k, err)
		}
		if public, err := k.alg.publicOctets(signer.Public()); err == nil && slices.Equal(public, k.public) {
			return text, nil
		}
	}
	return "", fmt.Errorf("dnssec: find %v: %w", k, fs.ErrNotExist)
}

// keyLabel is what a label says.
type keyLabel struct {
	zone    Name
	alg     Algorithm
	flags   uint16
	created time.Time
	unique  string
}

func newLabel(zone Name, o KeyOptions, now time.Time) keyLabel {
	l := keyLabel{zone: zone, alg: o.Algorithm, flags: flagZone, created: now.UTC().Truncate(time.Second), unique: rand.Text()}
	if o.SEP {
		l.flags |= flagSEP
	}
	return l
}

// String is the label.
func (l keyLabel) String() string {
	return fmt.Sprintf("K%s+%03d+%d+%s+%s", fileName(l.zone), l.alg, l.flags, l.created.Format(timeLayout), l.unique)
}

// parseLabel reads what String writes. What others have put there is refused.
func parseLabel(zone Name, text string) (keyLabel, error) {
	l := keyLabel{zone: zone}
	fields := strings.Split(strings.TrimPrefix(text, "K"+fileName(zone)+"+"), "+")
	if len(fields) != 4 {
		return l, fmt.Errorf("label %q is not one of ours", text)
	}
	alg, err1 := strconv.ParseUint(fields[0], 10, 8)
	flags, err2 := strconv.ParseUint(fields[1], 10, 16)
	created, err3 := time.ParseInLocation(timeLayout, fields[2], time.UTC)
	l.alg, l.flags, l.created, l.unique = Algorithm(alg), uint16(flags), created, fields[3]
	if errors.Join(err1, err2, err3) != nil || l.String() != text {
		return l, fmt.Errorf("label %q is not one of ours", text)
	}
	return l, nil
}

// key is the key of a label.
func (l keyLabel) key(signer crypto.Signer) (*Key, error) {
	k, err := NewKey(l.zone.String(), l.alg, l.flags&flagSEP != 0, signer)
	if err != nil {
		return nil, err
	}
	k.Timing.Created = l.created
	return k, nil
}
