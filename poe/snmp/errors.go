package snmp

import (
	"errors"
	"fmt"

	"github.com/mythic-beasts/hostkit/internal/snmpx"
	"github.com/mythic-beasts/hostkit/poe"
)

// What errors.Is finds when there was no good answer. What a switch refuses is a
// [*PDUError].
var (
	// ErrTimeout: no answer came. Switches are silent as well to a wrong
	// community, and some to a wrong privacy passphrase.
	ErrTimeout = snmpx.ErrTimeout
	// ErrAuth: the switch does not know the user, or the passphrase is wrong, or
	// the security level too low.
	ErrAuth = snmpx.ErrAuth
	// ErrEngineChanged: another SNMPv3 engine than the one that is pinned.
	ErrEngineChanged = snmpx.ErrEngineChanged
	// ErrTruncated: a table ended in the middle.
	ErrTruncated = snmpx.ErrTruncated
	// ErrClosed: the switch was closed.
	ErrClosed = snmpx.ErrClosed
)

// PDUError is the switch's refusal of a request (RFC 3416 error-status).
type PDUError struct {
	Status string // as "noAccess" or "wrongValue"
	OID    string // the object at fault, as far as the switch says
	err    error
}

// Error says what was refused, and what usually helps.
func (e *PDUError) Error() string { return e.err.Error() }

// Unwrap returns what the SNMP client said.
func (e *PDUError) Unwrap() error { return e.err }

// faulty makes an error of the client one of this package: what was attempted
// and on which switch.
func (s *Switch) faulty(what string, err error) error {
	if err == nil {
		return nil
	}
	var refused *snmpx.PDUError
	switch {
	case errors.As(err, &refused):
		err = &PDUError{Status: refused.Status.String(), OID: refused.OID.String(), err: err}
	case errors.Is(err, snmpx.ErrReadOnly):
		err = fmt.Errorf("%w: %w", poe.ErrReadOnly, err)
	}
	return fmt.Errorf("snmp: %s: %s: %w", s.cfg.Addr, what, err)
}
