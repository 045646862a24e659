package mythic

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/mythic-beasts/hostkit/acme/dns01"
)

const (
	zonesLife = 5 * time.Minute  // of the list of zones
	zonesNew  = 15 * time.Second // how old a list may be that lacks a zone
)

// ZoneOf is the longest of the zones that the key has some right in and that have the
// name, with a dot at its end. If there is none the error is an fs.ErrNotExist. The
// list of zones is asked for once in five minutes.
func (c *V2) ZoneOf(ctx context.Context, fqdn string) (string, error) {
	if _, err := canonical(fqdn); err != nil {
		return "", err
	}
	list, err := c.zones.get(ctx, c.listZones)
	if err != nil {
		return "", err
	}
	zone, err := longest(fqdn, slices.Values(list.value))
	if err == nil || time.Since(list.at) < zonesNew {
		return zone, err
	}
	c.zones.forget(list) // the zone may be newer than the list
	if list, err = c.zones.get(ctx, c.listZones); err != nil {
		return "", err
	}
	return longest(fqdn, slices.Values(list.value))
}

func (c *V2) listZones(ctx context.Context) ([]string, time.Duration, error) {
	if err := c.setup(); err != nil {
		return nil, 0, err
	}
	op := "list the zones"
	r, err := c.send(ctx, call{op: op, method: http.MethodGet, url: c.path("zones").String()})
	if err != nil {
		return nil, 0, err
	}
	if r.status != http.StatusOK {
		return nil, 0, c.failure(op, r)
	}
	a, err := parseAnswer(r.body)
	if err == nil && a.Zones == nil {
		err = fmt.Errorf("it has no list of zones")
	}
	if err != nil {
		return nil, 0, fmt.Errorf("mythic: %s: the answer is not as documented: %w", op, err)
	}
	return a.Zones, zonesLife, nil
}

// Visible asks the API whether all of the zone's name servers have the record. If not,
// the error is an [ErrNotYet] that names the servers.
func (c *V2) Visible(ctx context.Context, txt dns01.TXT) (bool, error) {
	if err := c.setup(); err != nil {
		return false, err
	}
	zone, want, err := place(ctx, c, txt, c.ttl())
	if err != nil {
		return false, err
	}
	op := fmt.Sprintf("verify TXT %s in zone %s", want.host, zone)
	u := c.path("zones", zone, "records", want.host, "TXT")
	u.RawQuery = "verify"
	r, err := c.send(ctx, call{op: op, method: http.MethodGet, url: u.String()})
	if err != nil {
		return false, err
	}
	switch r.status {
	case http.StatusOK:
	case http.StatusConflict:
		e := c.failure(op, r)
		e.kind = ErrNotYet
		return false, e
	default:
		return false, c.failure(op, r)
	}
	a, err := parseAnswer(r.body)
	if err != nil {
		return false, fmt.Errorf("mythic: %s: the answer is not as documented: %w", op, err)
	}
	is := func(got record) bool { return got.txt(want.host) && got.Data == want.value }
	if !slices.ContainsFunc(a.Records, is) {
		return false, fmt.Errorf("mythic: %s: the zone has %d other values at the name: %w", op, len(a.Records), ErrNotYet)
	}
	return true, nil
}

// record is one in an answer. Other fields are of other types.
type record struct {
	Host string `json:"host"`
	Type string `json:"type"`
	Data string `json:"data"`
	TTL  int    `json:"ttl"`
}

// answer is what the API says when something succeeded.
type answer struct {
	Zones   []string `json:"zones"`
	Records []record `json:"records"`
	Added   *int     `json:"records_added"`
	Removed *int     `json:"records_removed"`
}

func parseAnswer(body []byte) (answer, error) {
	var a answer
	err := json.Unmarshal(body, &a)
	return a, err
}
