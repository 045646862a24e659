package dnssectest

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/mythic-beasts/hostkit/dnssec/rotate"
)

// Fault is what a name server of a Parent does wrong.
type Fault uint8

// What can be wrong.
const (
	None Fault = iota
	// Silent gives no answer.
	Silent
	// ServFail, Refused and NXDomain answer so.
	ServFail
	Refused
	NXDomain
	// Lame answers without authority.
	Lame
	// Referral answers by a delegation to the child.
	Referral
	// Truncated says by UDP and by TCP that the answer does not fit.
	Truncated
	// Frozen goes on answering with what it had when it got this fault.
	Frozen
	// Forged answers with a DS that is of no key, without a good signature.
	Forged
	// Stripped answers that there is no DS, with no good proof.
	Stripped
	// WrongID and WrongQuestion answer something that was not asked.
	WrongID
	WrongQuestion
	// Expired answers with signatures of long ago.
	Expired
	// ChildSide answers as a server of the child does: there is no DS in here.
	ChildSide
	// Garbage answers with octets that are no message.
	Garbage
)

// ParentOptions are how a Parent is. The zero value is a signed zone "test."
// of two name servers that are never late.
type ParentOptions struct {
	// Zone is its name; none means "test.".
	Zone string
	// Servers is how many name servers it has; zero means 2.
	Servers int
	// Insecure leaves it unsigned.
	Insecure bool
	// DSTTL is that of DS records, in seconds; zero means 3600.
	DSTTL uint32
	// Now is its clock; nil means time.Now.
	Now func() time.Time
	// Key is who may send updates: a TSIG name with a dot at its end, by
	// hmac-sha256, and the secret in base64. Without one nobody may.
	KeyName, KeySecret string
}

// Parent is a parent zone with the name servers of its own. It is a
// manager.Parent by itself, which needs no sockets and so works in a
// testing/synctest bubble; Listen puts it on the wire.
type Parent struct{}

// NewParent makes a parent zone without children.
func NewParent(t testing.TB, o ParentOptions) *Parent { return &Parent{} }

// Delegate makes a zone a child that the name servers of these names serve.
func (p *Parent) Delegate(zone string, servers ...string) error { return errors.ErrUnsupported }

// SetDS sets the DS records of a child.
func (p *Parent) SetDS(zone string, ds ...rotate.DS) error { return errors.ErrUnsupported }

// DS is what the parent's primary has, whatever its name servers say.
func (p *Parent) DS(zone string) []rotate.DS { return nil }

// SetLag makes a name server, counted from 0, late: it has what the primary had
// that long ago.
func (p *Parent) SetLag(server int, lag time.Duration) {}

// SetFault makes a name server wrong; None makes it right.
func (p *Parent) SetFault(server int, f Fault) {}

// Submit changes the DS records at once.
func (p *Parent) Submit(ctx context.Context, zone string, add, remove []rotate.DS) error {
	return errors.ErrUnsupported
}

// Observe is what each name server has. One with a fault that can be seen did not
// answer.
func (p *Parent) Observe(ctx context.Context, zone string) (rotate.DSFacts, error) {
	return rotate.DSFacts{}, errors.ErrUnsupported
}

// Listen serves each name server on a port of 127.0.0.1 by UDP and TCP until the
// test ends, and returns where.
func (p *Parent) Listen(t testing.TB) []netip.AddrPort { return nil }

// Exchange is what a name server answers, without a socket; nil is nothing.
func (p *Parent) Exchange(server int, query *dns.Msg) *dns.Msg { return nil }
