package mythic

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/mythic-beasts/hostkit/acme/dns01"
)

// maxQuery is how long the query of a request that deletes several records may be: web
// servers refuse request lines of more than 8 KiB.
const maxQuery = 6000

// What is known of select=, by which one request deletes several records.
const (
	selectUnknown int32 = iota
	selectWorks
	selectUnfit
)

// errUnfit is for an API that did not select what it was asked to.
var errUnfit = errors.New("select= did not select the records it names")

// DeleteTXT deletes records of exactly these names and values, several of one zone in
// one request where the API allows it. One that is not there is no error.
func (c *V2) DeleteTXT(ctx context.Context, records ...dns01.TXT) error {
	if err := c.setup(); err != nil {
		return err
	}
	all, err := batches(ctx, c, records, c.ttl())
	if err != nil {
		return err
	}
	var errs []error
	for _, b := range all {
		errs = append(errs, c.deleteZone(ctx, b.zone, b.changes))
	}
	return errors.Join(errs...)
}

func (c *V2) deleteZone(ctx context.Context, zone string, changes []change) error {
	if len(changes) == 1 {
		return c.deleteOne(ctx, zone, changes[0])
	}
	return each(selections(changes), func(some []change) error {
		err := c.deleteMany(ctx, zone, some)
		if !errors.Is(err, errUnfit) && !errors.Is(err, ErrDenied) {
			return err
		}
		return each(some, func(one change) error { return c.deleteOne(ctx, zone, one) })
	})
}

// deleteOne deletes one value. The selection must be in the query: the body of a
// DELETE is not looked at, and without it all values of the name would go.
func (c *V2) deleteOne(ctx context.Context, zone string, ch change) error {
	u := c.path("zones", zone, "records", ch.host, "TXT")
	u.RawQuery = url.Values{"data": {ch.value}}.Encode()
	return c.delete(ctx, fmt.Sprintf("delete TXT %s from zone %s", ch.host, zone), u, 1)
}

// deleteMany deletes several values by one request. A server that did not know select=
// would delete the whole zone; so before it is first used to delete, it is used to read,
// and must give nothing but what was asked for.
func (c *V2) deleteMany(ctx context.Context, zone string, some []change) error {
	u := c.path("zones", zone, "records")
	u.RawQuery = selection(some)
	switch c.selects.Load() {
	case selectUnfit:
		return errUnfit
	case selectUnknown:
		if err := c.trySelect(ctx, zone, u, some); err != nil {
			return err
		}
	}
	return c.delete(ctx, fmt.Sprintf("delete %s from zone %s", describe(some), zone), u, len(some))
}

// trySelect reads a selection and compares.
func (c *V2) trySelect(ctx context.Context, zone string, u *url.URL, some []change) error {
	op := fmt.Sprintf("select %s in zone %s", describe(some), zone)
	r, err := c.send(ctx, call{op: op, method: http.MethodGet, url: u.String()})
	if err != nil {
		return err
	}
	if r.status != http.StatusOK {
		return c.failure(op, r)
	}
	a, err := parseAnswer(r.body)
	if err != nil {
		return fmt.Errorf("mythic: %s: the answer is not as documented: %w", op, err)
	}
	for _, got := range a.Records {
		is := func(ch change) bool { return got.txt(ch.host) && got.Data == ch.value }
		if !slices.ContainsFunc(some, is) {
			c.selects.Store(selectUnfit)
			return errUnfit
		}
	}
	if len(a.Records) == 0 {
		return errUnfit // no proof
	}
	c.selects.CompareAndSwap(selectUnknown, selectWorks)
	return nil
}

func (c *V2) delete(ctx context.Context, op string, u *url.URL, most int) error {
	r, err := c.send(ctx, call{op: op, method: http.MethodDelete, url: u.String()})
	if err != nil {
		return err
	}
	if r.status != http.StatusOK {
		return c.failure(op, r)
	}
	a, err := parseAnswer(r.body)
	switch {
	case err != nil:
		return fmt.Errorf("mythic: %s: the answer is not as documented: %w", op, err)
	case a.Removed == nil:
		return fmt.Errorf("mythic: %s: the API did not say how many it removed", op)
	case *a.Removed > most:
		return fmt.Errorf("mythic: %s: the API says that it removed %d records; see what is missing", op, *a.Removed)
	}
	return nil
}

// selection is a query for exactly these values.
func selection(some []change) string {
	query := make(url.Values)
	for _, ch := range some {
		query.Add("select", url.Values{"host": {ch.host}, "type": {"TXT"}, "data": {ch.value}}.Encode())
	}
	return query.Encode()
}

// selections splits changes so that each selection fits into a request.
func selections(changes []change) [][]change {
	var all [][]change
	length := maxQuery
	for _, ch := range changes {
		n := len(selection([]change{ch})) + 1
		if length+n > maxQuery {
			all, length = append(all, nil), 0
		}
		all[len(all)-1] = append(all[len(all)-1], ch)
		length += n
	}
	return all
}
