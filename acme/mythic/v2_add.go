package mythic

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/mythic-beasts/hostkit/acme/dns01"
)

// maxAdd is how many records one request adds.
const maxAdd = 100

// AddTXT adds records, those of one zone in one request (and 100 at most). One that is
// there already is no error.
func (c *V2) AddTXT(ctx context.Context, records ...dns01.TXT) error {
	if err := c.setup(); err != nil {
		return err
	}
	all, err := batches(ctx, c, records, c.ttl())
	if err != nil {
		return err
	}
	var errs []error
	for _, b := range all {
		for chunk := range slices.Chunk(b.changes, maxAdd) {
			errs = append(errs, c.add(ctx, b.zone, chunk))
		}
	}
	return errors.Join(errs...)
}

// add adds records by one request, or by more if that is refused.
func (c *V2) add(ctx context.Context, zone string, changes []change) error {
	op := fmt.Sprintf("add %s to zone %s", describe(changes), zone)
	body, err := json.Marshal(answer{Records: asRecords(changes)})
	if err != nil {
		return fmt.Errorf("mythic: %s: %w", op, err)
	}
	r, err := c.send(ctx, call{
		op: op, method: http.MethodPost, url: c.recordsURL(zone, changes).String(),
		contentType: "application/json", body: body,
	})
	switch {
	case err != nil:
		return err
	case r.status == http.StatusOK:
		return added(op, r, len(changes))
	case r.status == http.StatusForbidden && len(byHost(changes)) > 1:
		// The key may be for single hosts, which one request each can be for.
		return each(byHost(changes), func(some []change) error { return c.add(ctx, zone, some) })
	}
	duplicates, only := r.duplicates()
	switch {
	case r.status != http.StatusBadRequest || !only:
		return c.failure(op, r)
	case len(changes) == 1:
		return nil
	}
	rest := slices.DeleteFunc(slices.Clone(changes), func(ch change) bool { return slices.Contains(duplicates, ch.key()) })
	switch len(rest) {
	case 0:
		return nil
	case len(changes): // it names none of ours: ask one by one
		return each(changes, func(one change) error { return c.add(ctx, zone, []change{one}) })
	}
	return c.add(ctx, zone, rest)
}

// added checks that a success is one.
func added(op string, r reply, want int) error {
	a, err := parseAnswer(r.body)
	switch {
	case err != nil:
		return fmt.Errorf("mythic: %s: the answer is not as documented: %w", op, err)
	case a.Added == nil || *a.Added < want:
		return fmt.Errorf("mythic: %s: the API did not say that it added all of them", op)
	}
	return nil
}

// recordsURL is the place of the records: their host and type if they share it, which
// a key with few permissions needs, or else the zone.
func (c *V2) recordsURL(zone string, changes []change) *url.URL {
	if len(byHost(changes)) == 1 {
		return c.path("zones", zone, "records", changes[0].host, "TXT")
	}
	return c.path("zones", zone, "records")
}

// byHost are the changes of each host.
func byHost(changes []change) [][]change {
	var all [][]change
	for _, ch := range changes {
		i := slices.IndexFunc(all, func(some []change) bool { return some[0].host == ch.host })
		if i < 0 {
			all = append(all, []change{ch})
			continue
		}
		all[i] = append(all[i], ch)
	}
	return all
}

func asRecords(changes []change) []record {
	all := make([]record, len(changes))
	for i, ch := range changes {
		all[i] = record{Host: ch.host, Type: "TXT", Data: ch.value, TTL: ch.ttl}
	}
	return all
}

func (r record) txt(host string) bool {
	return strings.EqualFold(r.Type, "TXT") && strings.EqualFold(r.Host, host)
}

// describe says in errors which records a request is for.
func describe(changes []change) string {
	if len(changes) == 1 {
		return "TXT " + changes[0].host
	}
	return fmt.Sprintf("%d TXT records (%s, …)", len(changes), changes[0].host)
}

// recordKey is what makes a record a duplicate.
type recordKey struct{ host, value string }

func (ch change) key() recordKey { return recordKey{ch.host, ch.value} }

// duplicates are the TXT records that a refusal says are there already. only reports
// whether that is all it says.
func (r reply) duplicates() (found []recordKey, only bool) {
	messages := r.messages()
	for _, m := range messages {
		text, ok := strings.CutPrefix(strings.TrimSpace(m), "Duplicate record")
		if !ok {
			return nil, false
		}
		if key, ok := parseDuplicate(text); ok {
			found = append(found, key)
		}
	}
	return found, len(messages) > 0
}

// parseDuplicate reads a record as the API quotes it: 'HOST TTL TXT "VALUE"'.
func parseDuplicate(text string) (recordKey, bool) {
	text = strings.Trim(strings.TrimSpace(text), "'")
	fields := strings.SplitN(text, " ", 4)
	if len(fields) != 4 || !strings.EqualFold(fields[2], "TXT") {
		return recordKey{}, false
	}
	return recordKey{strings.ToLower(fields[0]), strings.Trim(fields[3], `"`)}, true
}
