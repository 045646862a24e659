package dns01

import (
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/mythic-beasts/hostkit/acme"
)

// RecordName is the name of the record that answers a challenge, absolute: for dns-01
// _acme-challenge below the identifier (RFC 8555 section 8.4), for dns-account-01 a
// label of the account below that (draft-ietf-acme-dns-account-label), and for
// dns-persist-01 _validation-persist (draft-ietf-acme-dns-persist).
func RecordName(ch acme.Challenge) (string, error) {
	base, err := canonical(strings.TrimPrefix(ch.Identifier, "*."))
	if err != nil {
		return "", fmt.Errorf("%q: %w", ch.Identifier, err)
	}
	if strings.ContainsAny(base, `\/*`) {
		return "", fmt.Errorf("%q has bytes that no certificate's name has", ch.Identifier)
	}
	var name string
	switch ch.Type {
	case acme.DNS01:
		name = "_acme-challenge." + base
	case acme.DNSAccount01:
		if ch.AccountURL == "" {
			return "", errors.New("the challenge has no AccountURL, which dns-account-01 needs")
		}
		const digest = 10 // bytes that the label has
		sum := sha256.Sum256([]byte(ch.AccountURL))
		name = "_" + strings.ToLower(base32.StdEncoding.EncodeToString(sum[:digest])) + "._acme-challenge." + base
	case acme.DNSPersist01:
		name = "_validation-persist." + base
	default:
		return "", fmt.Errorf("a challenge of type %q is not answered by a TXT record", ch.Type)
	}
	if _, ok := dns.IsDomainName(name); !ok {
		return "", fmt.Errorf("%q is too long for a record below it", ch.Identifier)
	}
	return name, nil
}

// PersistValue is the text of a record that answers dns-persist-01 challenges of an
// account for as long as it is there, so that certificates need no change of the DNS.
// The authority is one of [acme.Challenge.IssuerDomains]. Wildcard is whether it is
// for the names below too. A zero until means for ever.
func PersistValue(issuer, accountURL string, wildcard bool, until time.Time) string {
	value := issuer + "; accounturi=" + accountURL
	if wildcard {
		value += "; policy=wildcard"
	}
	if !until.IsZero() {
		value += "; persistUntil=" + strconv.FormatInt(until.Unix(), 10)
	}
	return value
}
