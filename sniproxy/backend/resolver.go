package backend

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"time"
)

// Resolver looks up the AAAA records of a name, which is canonical: lower case,
// without the trailing dot. ttl is how long the answer, or that there is none, may
// be kept. That the name or the record does not exist is a *[LookupError] for which
// errors.Is(err, fs.ErrNotExist).
type Resolver interface {
	LookupAAAA(ctx context.Context, name string) (addrs []netip.Addr, ttl time.Duration, err error)
}

// LookupReason is why a look-up has no addresses.
type LookupReason uint8

// The reasons.
const (
	// NoName: the name does not exist (NXDOMAIN).
	NoName LookupReason = iota + 1
	// NoAddress: the name exists and has no AAAA record.
	NoAddress
	// BadName: the name is no host name, and was not asked.
	BadName
	// BadAnswer: what the servers say makes no sense, such as a loop of CNAMEs.
	BadAnswer
	// ServerFailure: no server gave an answer.
	ServerFailure
)

// String says the reason in words.
func (r LookupReason) String() string {
	switch r {
	case NoName:
		return "no such name"
	case NoAddress:
		return "the name has no AAAA record"
	case BadName:
		return "not a host name"
	case BadAnswer:
		return "unusable answer"
	case ServerFailure:
		return "no answer from the name servers"
	}
	return fmt.Sprintf("LookupReason(%d)", uint8(r))
}

// LookupError is a look-up without addresses. Name comes from a stranger, and Error
// quotes it.
type LookupError struct {
	Name   string
	Reason LookupReason
	// Err is the cause, if there is more to say.
	Err error
}

func (e *LookupError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("backend: look up AAAA of %q: %v: %v", e.Name, e.Reason, e.Err)
	}
	return fmt.Sprintf("backend: look up AAAA of %q: %v", e.Name, e.Reason)
}

// Unwrap returns Err.
func (e *LookupError) Unwrap() error { return e.Err }

// Is makes errors.Is(err, fs.ErrNotExist) true when the DNS says that there is none.
func (e *LookupError) Is(target error) bool {
	return target == fs.ErrNotExist && e.final()
}

// final reports whether asking again makes no difference before the TTL is over.
func (e *LookupError) final() bool { return e.Reason == NoName || e.Reason == NoAddress }

// authoritative reports whether err is an answer rather than the lack of one.
func authoritative(err error) bool {
	var e *LookupError
	return errors.As(err, &e) && e.final()
}

// isHostName reports whether name consists of letters, digits, '-' and '_' in labels
// of 1 to 63 bytes, at most 253 in all. Other bytes have a meaning of their own in
// the text form of names, such as the backslash.
func isHostName(name string) bool {
	if name == "" || len(name) > 253 {
		return false
	}
	label := 0
	for i := range len(name) {
		switch c := name[i]; {
		case c == '.':
			if label == 0 {
				return false
			}
			label = 0
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_':
			if label++; label > 63 {
				return false
			}
		default:
			return false
		}
	}
	return label > 0
}
