package manager

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/mythic-beasts/hostkit/dnssec/rotate"
)

// recordVersion is that of the JSON of a record. It changes when an old program would
// misunderstand a new record.
const recordVersion = 1

// record is all that is remembered of a zone.
type record struct {
	Version int          `json:"version"`
	Policy  Policy       `json:"policy"`
	Enabled bool         `json:"enabled,omitempty"`
	State   rotate.State `json:"state"`
	// Served are the versions that some name server may have, the last one last.
	Served []version `json:"served,omitempty"`
	// Drop are keys of which the private part is to be removed.
	Drop []string `json:"drop,omitempty"`
	// Others are keys that were in the key store before the last request for one, and
	// are not the manager's: they are left alone. What is there besides was generated
	// for the request, by a process that died before it could say so.
	Others []string `json:"others,omitempty"`
	// Confirmed is by key ID what an operator said of its DS.
	Confirmed map[string]bool `json:"confirmed,omitempty"`
	// Approved lets the steps be done that wait for a person, Resign makes all
	// signatures anew; until it is done.
	Approved bool `json:"approved,omitempty"`
	Resign   bool `json:"resign,omitempty"`
	// Public are hashes of the DNSKEY records by key ID, so that another key of the
	// same tag is noticed.
	Public map[string]string `json:"public,omitempty"`
	// Former are such hashes of keys that were dropped: contents that still have their
	// DNSKEY records must not bring them back.
	Former []string `json:"former,omitempty"`
	// DS is what the parent was seen to have last.
	DS *rotate.DSFacts `json:"ds,omitempty"`
}

// last is the version that was published last, or is about to be; nil if none was.
func (r *record) last() *version {
	if len(r.Served) == 0 {
		return nil
	}
	return &r.Served[len(r.Served)-1]
}

// ErrDamaged is for a record that cannot be read or contradicts what was published.
// Nothing is done with its zone until a person has restored it.
var ErrDamaged = errors.New("record of the zone is damaged")

func parseRecord(data []byte) (*record, error) {
	var r record
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: something follows it", ErrDamaged)
	}
	if r.Version != recordVersion {
		return nil, fmt.Errorf("%w: version %d is not %d, which this program knows", ErrDamaged, r.Version, recordVersion)
	}
	return &r, nil
}

// recordKey is where the record of a zone is in the store.
func (m *Manager) recordKey(zone string) string {
	return m.prefix() + "zone/" + url.PathEscape(zone)
}

// recordZone is the zone of a key of the store; false if it is something else's.
func (m *Manager) recordZone(key string) (string, bool) {
	name, ok := strings.CutPrefix(key, m.prefix()+"zone/")
	if !ok {
		return "", false
	}
	zone, err := url.PathUnescape(name)
	return zone, err == nil
}

func (m *Manager) prefix() string {
	if m.Prefix == "" {
		return "dnssec/"
	}
	return m.Prefix
}

// load reads a record. One that is not there is an error that wraps fs.ErrNotExist.
func (m *Manager) load(ctx context.Context, zone string) (*record, int64, error) {
	data, rev, err := m.Store.Get(ctx, m.recordKey(zone))
	if err != nil {
		return nil, 0, fmt.Errorf("manager: read the record of %q: %w", zone, err)
	}
	r, err := parseRecord(data)
	if err != nil {
		return nil, 0, fmt.Errorf("manager: read the record of %q: %w; restore it from a copy", zone, err)
	}
	return r, rev, nil
}

// save writes a record in the place of the revision that was read; 0 is none.
func (m *Manager) save(ctx context.Context, zone string, r *record, rev int64) (int64, error) {
	r.Version = recordVersion
	data, err := json.Marshal(r)
	if err != nil {
		return 0, fmt.Errorf("manager: write the record of %q: %w", zone, err)
	}
	rev, err = m.Store.Put(ctx, m.recordKey(zone), data, rev)
	if err != nil {
		return 0, fmt.Errorf("manager: write the record of %q: %w", zone, err)
	}
	return rev, nil
}

// change makes a change of a record that others may change as well, and returns it as
// it is then.
func (m *Manager) change(ctx context.Context, zone string, fn func(r *record) error) (*record, int64, error) {
	for {
		r, rev, err := m.load(ctx, zone)
		if errors.Is(err, fs.ErrNotExist) {
			r, rev, err = &record{}, 0, nil
		}
		if err != nil {
			return nil, 0, err
		}
		if err := fn(r); err != nil {
			return nil, 0, err
		}
		rev, err = m.save(ctx, zone, r, rev)
		if err == nil {
			return r, rev, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return nil, 0, err
		}
	}
}

// version is a run of serials under which the same keys, DS and TTLs were published.
type version struct {
	First uint32 `json:"first"`
	Last  uint32 `json:"last"`
	// DNSKEY, KRRSIG and ZRRSIG are the IDs of the keys that are in it, sign the keys
	// and sign all else.
	DNSKEY []string    `json:"dnskey,omitempty"`
	KRRSIG []string    `json:"krrsig,omitempty"`
	ZRRSIG []string    `json:"zrrsig,omitempty"`
	CDS    []rotate.DS `json:"cds,omitempty"`
	// TTLs in seconds.
	MaxTTL      uint32 `json:"max_ttl,omitempty"`
	DNSKEYTTL   uint32 `json:"dnskey_ttl,omitempty"`
	NegativeTTL uint32 `json:"negative_ttl,omitempty"`
}

// signed says whether there are signatures in it.
func (v *version) signed() bool { return v != nil && len(v.KRRSIG)+len(v.ZRRSIG) > 0 }

// has says whether it was published under a serial.
func (v *version) has(serial uint32) bool {
	return int32(serial-v.First) >= 0 && int32(v.Last-serial) >= 0
}

func (v *version) sameKeys(o *version) bool {
	return slices.Equal(v.DNSKEY, o.DNSKEY) && slices.Equal(v.KRRSIG, o.KRRSIG) &&
		slices.Equal(v.ZRRSIG, o.ZRRSIG) && slices.Equal(v.CDS, o.CDS)
}

// maxVersions is how many versions are told apart for their TTLs alone.
const maxVersions = 16

// publish adds a version of one serial.
func (r *record) publish(v version) {
	if last := r.last(); last != nil && last.sameKeys(&v) &&
		last.MaxTTL == v.MaxTTL && last.DNSKEYTTL == v.DNSKEYTTL && last.NegativeTTL == v.NegativeTTL {
		last.Last = v.Last
		return
	}
	r.Served = append(r.Served, v)
	for i := 0; len(r.Served) > maxVersions && i+1 < len(r.Served)-1; {
		a, b := &r.Served[i], &r.Served[i+1]
		if !a.sameKeys(b) {
			i++
			continue
		}
		b.First = a.First
		b.MaxTTL, b.DNSKEYTTL, b.NegativeTTL = max(a.MaxTTL, b.MaxTTL), max(a.DNSKEYTTL, b.DNSKEYTTL), max(a.NegativeTTL, b.NegativeTTL)
		r.Served = slices.Delete(r.Served, i, i+1)
	}
}

// keyPolicy is the policy of the keys. TTLs that it does not have are those of the zone,
// which [rotate.Step] would have to guess: longer ones than it guesses are facts.
func (r *record) keyPolicy() rotate.Policy {
	p := r.Policy.Policy
	var zone, negative uint32
	for _, v := range r.Served {
		zone, negative = max(zone, v.MaxTTL), max(negative, v.NegativeTTL)
	}
	if len(r.Served) == 0 {
		return p
	}
	if p.MaxZoneTTL == 0 {
		p.MaxZoneTTL = min(max(seconds(zone), time.Second), 24*time.Hour)
	}
	if p.NegativeTTL == 0 {
		p.NegativeTTL = min(max(seconds(negative), time.Second), time.Hour)
	}
	return p
}

// maxFormer is how many keys that were dropped are known, the newest.
const maxFormer = 100

// remember adds the hashes of keys that are new, and forgets those of keys that are gone.
func (r *record) remember(ring keyring) {
	for id := range r.Public {
		if !r.known(id) {
			delete(r.Public, id)
		}
	}
	for id, k := range ring {
		if !r.known(id) || slices.Contains(r.Others, id) || r.Public[id] != "" {
			continue
		}
		if r.Public == nil {
			r.Public = map[string]string{}
		}
		r.Public[id] = publicHash(k)
	}
}
