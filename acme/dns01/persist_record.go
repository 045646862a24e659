package dns01

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/mythic-beasts/hostkit/acme"
)

// PersistRecord is what a record says that answers dns-persist-01 challenges: that an
// account at an authority may have certificates for the name, with no other change of
// the DNS.
type PersistRecord struct {
	// Issuer is the authority: one of [acme.Challenge.IssuerDomains].
	Issuer string
	// AccountURL is the account's, see [acme.Client.Register].
	AccountURL string
	// Wildcard is whether the record is for the names below too.
	Wildcard bool
	// Until is when it ends; zero means never.
	Until time.Time
}

// maxPersist is more than a record of any sense has.
const maxPersist = 4096

// ParsePersist reads a record's text: an issue-value of RFC 8659 section 4.2. What it
// does not know is left out; what is there twice, or is no value, is an error.
func ParsePersist(value string) (PersistRecord, error) {
	if len(value) > maxPersist {
		return PersistRecord{}, fmt.Errorf("dns01: a text of more than %d octets", maxPersist)
	}
	issuer, rest, more := strings.Cut(value, ";")
	r := PersistRecord{Issuer: trim(issuer)}
	if r.Issuer == "" || strings.ContainsAny(r.Issuer, " \t=") {
		return PersistRecord{}, fmt.Errorf("dns01: %q does not begin with the domain of an authority", value)
	}
	seen := map[string]bool{}
	for more {
		var part string
		part, rest, more = strings.Cut(rest, ";")
		if err := r.set(trim(part), seen); err != nil {
			return PersistRecord{}, fmt.Errorf("dns01: %q: %w", value, err)
		}
	}
	if r.AccountURL == "" {
		return PersistRecord{}, fmt.Errorf("dns01: %q has no accounturi", value)
	}
	return r, nil
}

func trim(s string) string { return strings.Trim(s, " \t") }

// set reads one parameter.
func (r *PersistRecord) set(part string, seen map[string]bool) error {
	tag, value, ok := strings.Cut(part, "=")
	tag, value = strings.ToLower(trim(tag)), trim(value)
	if !ok || tag == "" || seen[tag] {
		return fmt.Errorf("parameter %q is none, or is there twice", part)
	}
	seen[tag] = true
	if strings.IndexFunc(value, func(c rune) bool { return c <= ' ' || c == ';' || c > '~' }) >= 0 {
		return fmt.Errorf("parameter %q has octets that no value has", tag)
	}
	switch tag {
	case "accounturi":
		r.AccountURL = value
	case "policy":
		r.Wildcard = strings.EqualFold(value, "wildcard")
	case "persistuntil":
		seconds, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return fmt.Errorf("parameter %q is no time", tag)
		}
		r.Until = time.Unix(seconds, 0)
	}
	return nil
}

// Value is the text of the record, [PersistValue].
func (r PersistRecord) Value() string {
	return PersistValue(r.Issuer, r.AccountURL, r.Wildcard, r.Until)
}

// covers says why a record is not good for a challenge, and will not be until then.
func (r PersistRecord) covers(ch acme.Challenge, until time.Time) error {
	switch {
	case r.AccountURL != ch.AccountURL:
		return errors.New("it is for another account")
	case ch.Wildcard && !r.Wildcard:
		return errors.New("it has no policy=wildcard")
	case !r.Until.IsZero() && r.Until.Before(until):
		return fmt.Errorf("it ends at %v", r.Until.UTC().Format(time.RFC3339))
	}
	return nil
}

func sameDomain(a, b string) bool {
	return strings.EqualFold(strings.TrimSuffix(a, "."), strings.TrimSuffix(b, "."))
}
