package rfc2136

import (
	"errors"
	"fmt"

	"github.com/miekg/dns"
)

var (
	// ErrRefused is wrapped by errors about updates that the server does not allow.
	ErrRefused = errors.New("the server refuses the update")
	// ErrNotAuth is wrapped by errors about zones that the server is not primary for,
	// and about updates that it wants signed.
	ErrNotAuth = errors.New("the server is not authoritative for the zone, or not for who asks")
	// ErrKey is wrapped by errors about the TSIG key: the server does not know it, has
	// another secret, or another time.
	ErrKey = errors.New("the server does not take the key")
)

var (
	errOdd      = errors.New("what came is no answer to what was sent")
	errUnsigned = errors.New("the answer is not signed: a forgery, or a server without the key")
)

// explain puts an answer's code into words.
func explain(rcode int, zone, key string) error {
	who := "unsigned updates"
	if key != "" {
		who = "the key " + dns.CanonicalName(key)
	}
	switch rcode {
	case dns.RcodeSuccess:
		return nil
	case dns.RcodeRefused:
		return fmt.Errorf("%w (REFUSED): allow %s to change TXT records there (BIND: update-policy or allow-update; Knot: acl)", ErrRefused, who)
	case dns.RcodeNotAuth:
		return fmt.Errorf("%w (NOTAUTH): send updates to the primary of %s, which must know %s", ErrNotAuth, zone, who)
	case dns.RcodeNotZone:
		return fmt.Errorf("a name is not in the zone %s (NOTZONE)", zone)
	case dns.RcodeNotImplemented:
		return errors.New("the server does not know dynamic updates (NOTIMP)")
	case dns.RcodeServerFailure:
		return fmt.Errorf("the server failed (SERVFAIL): its log says why; often it cannot write the zone's journal, or %s is a secondary there", zone)
	}
	return fmt.Errorf("the answer is %s", code(rcode))
}

// explainTSIG puts a signature's error into words (RFC 8945 section 5.2).
func explainTSIG(code uint16, key string) error {
	key = dns.CanonicalName(key)
	switch int(code) {
	case dns.RcodeBadSig:
		return fmt.Errorf("%w %s (BADSIG): it has another secret", ErrKey, key)
	case dns.RcodeBadKey:
		return fmt.Errorf("%w %s (BADKEY): it does not know that name with that algorithm, or (Knot) has no acl of the zone for it", ErrKey, key)
	case dns.RcodeBadTime:
		return fmt.Errorf("%w %s (BADTIME): the clocks of both sides are minutes apart", ErrKey, key)
	}
	return fmt.Errorf("%w %s: the error is %d", ErrKey, key, code)
}

func code(rcode int) string {
	if name, ok := dns.RcodeToString[rcode]; ok {
		return name
	}
	return fmt.Sprintf("RCODE %d", rcode)
}
