package mythic

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/mythic-beasts/hostkit/acme/dns01"
)

// apex is the host of records at the zone's own name.
const apex = "@"

// maxValue is the most bytes of a TXT value; those of challenges have 43, or some
// hundreds.
const maxValue = 1000

// change is a record as the API has it.
type change struct {
	host  string // relative to the zone, without a dot at its end
	value string
	ttl   int // in seconds
}

// batch are the changes of one zone, which is without a dot at its end.
type batch struct {
	zone    string
	changes []change
}

// batches sorts records by zone, and checks that they can be sent at all.
func batches(ctx context.Context, finder dns01.ZoneFinder, records []dns01.TXT, ttl time.Duration) ([]batch, error) {
	var all []batch
	for _, r := range records {
		zone, c, err := place(ctx, finder, r, ttl)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(all, func(b batch) bool { return b.zone == zone })
		if i < 0 {
			i = len(all)
			all = append(all, batch{zone: zone})
		}
		same := func(o change) bool { return o.host == c.host && o.value == c.value }
		if !slices.ContainsFunc(all[i].changes, same) {
			all[i].changes = append(all[i].changes, c)
		}
	}
	return all, nil
}

// place is a record's zone, and what it is there.
func place(ctx context.Context, finder dns01.ZoneFinder, r dns01.TXT, ttl time.Duration) (string, change, error) {
	name, err := canonical(r.Name)
	if err != nil {
		return "", change{}, err
	}
	if err := checkValue(name, r.Value); err != nil {
		return "", change{}, err
	}
	zone := r.Zone
	if zone == "" {
		if zone, err = finder.ZoneOf(ctx, name); err != nil {
			return "", change{}, err
		}
	}
	if zone, err = canonical(zone); err != nil {
		return "", change{}, err
	}
	host, ok := hostIn(name, zone)
	if !ok {
		return "", change{}, fmt.Errorf("mythic: record %s: it is not in zone %s", name, zone)
	}
	if r.TTL > 0 {
		ttl = r.TTL
	}
	return zone, change{host: host, value: r.Value, ttl: max(1, int(ttl/time.Second))}, nil
}

// hostIn is a name relative to a zone that it is in, whole labels compared.
func hostIn(name, zone string) (string, bool) {
	if name == zone {
		return apex, true
	}
	return strings.CutSuffix(name, "."+zone)
}

// canonical is a name in lower case, without a dot at its end. What may be in it is
// what host names and underscore names are made of, so that it can be part of a URL or
// a command.
func canonical(name string) (string, error) {
	plain := strings.ToLower(strings.TrimSuffix(name, "."))
	if len(plain) > 253 {
		return "", fmt.Errorf("mythic: name %.64q…: it has more than 253 characters", plain)
	}
	for label := range strings.SplitSeq(plain, ".") {
		if label == "" || len(label) > 63 {
			return "", fmt.Errorf("mythic: name %q: each label must have 1 to 63 characters", name)
		}
		if i := strings.IndexFunc(label, func(r rune) bool { return !nameRune(r) }); i >= 0 {
			return "", fmt.Errorf("mythic: name %q: it may have letters, digits, '-' and '_' only, and other scripts as A-labels", name)
		}
	}
	return plain, nil
}

func nameRune(r rune) bool {
	return 'a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '-' || r == '_'
}

// checkValue refuses what one of the APIs could take for something else.
func checkValue(name, value string) error {
	bad := func(r rune) bool { return r == '"' || r == '\\' || unicode.IsControl(r) }
	switch {
	case value == "" || len(value) > maxValue:
		return fmt.Errorf("mythic: record %s: a value must have 1 to %d bytes", name, maxValue)
	case !utf8.ValidString(value) || strings.ContainsFunc(value, bad):
		return fmt.Errorf("mythic: record %s: a value must have no control characters, quotes or backslashes", name)
	}
	return nil
}

// longest is the longest of the zones that has the name, with a dot at its end.
func longest(fqdn string, zones iter.Seq[string]) (string, error) {
	name, err := canonical(fqdn)
	if err != nil {
		return "", err
	}
	best := ""
	for z := range zones {
		zone, err := canonical(z)
		if err != nil {
			continue // no name that we could ever be asked for
		}
		if _, ok := hostIn(name, zone); ok && len(zone) > len(best) {
			best = zone
		}
	}
	if best == "" {
		return "", fmt.Errorf("mythic: name %s: none of the zones has it: %w", name, fs.ErrNotExist)
	}
	return best + ".", nil
}

// atOnce is how many requests one call makes at a time.
const atOnce = 16

// each does something with all of them, several at a time.
func each[T any](items []T, do func(T) error) error {
	errs := make([]error, len(items))
	slots := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	for i, item := range items {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			errs[i] = do(item)
		})
	}
	all.Wait()
	return errors.Join(errs...)
}
