package snmpx

import "errors"

// What went wrong between the client and the agent. What an agent refuses is a
// [*PDUError].
var (
	// ErrTimeout: no answer came. An agent is silent as well to a wrong
	// community, and net-snmp to a wrong privacy passphrase.
	ErrTimeout = errors.New("no answer")
	// ErrAuth: the agent does not know the user, or the passphrase is wrong, or
	// the security level is too low; the message says which, as far as it said.
	ErrAuth = errors.New("not authenticated")
	// ErrEngineChanged: another SNMPv3 engine than the one pinned or seen before.
	ErrEngineChanged = errors.New("another SNMP engine answers")
	// ErrTruncated: a table ended in the middle.
	ErrTruncated = errors.New("the table is cut short")
	// ErrNotIncreasing: the agent walks in circles.
	ErrNotIncreasing = errors.New("object identifiers do not increase")
	// ErrClosed: the client was closed.
	ErrClosed = errors.New("closed")
)
