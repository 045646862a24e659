package snmpx

import (
	"fmt"
	"strconv"
)

// Status is the error-status of a response, of RFC 3416 section 3.
type Status uint8

// What an agent may answer instead of doing as it was asked.
const (
	NoError             Status = 0
	TooBig              Status = 1
	NoSuchName          Status = 2 // of SNMPv1
	BadValue            Status = 3 // of SNMPv1
	ReadOnly            Status = 4 // of SNMPv1
	GenErr              Status = 5
	NoAccess            Status = 6
	WrongType           Status = 7
	WrongLength         Status = 8
	WrongEncoding       Status = 9
	WrongValue          Status = 10
	NoCreation          Status = 11
	InconsistentValue   Status = 12
	ResourceUnavailable Status = 13
	CommitFailed        Status = 14
	UndoFailed          Status = 15
	AuthorizationError  Status = 16
	NotWritable         Status = 17
	InconsistentName    Status = 18
)

// String is the name in RFC 3416, as "wrongValue".
func (s Status) String() string {
	names := [...]string{
		"noError", "tooBig", "noSuchName", "badValue", "readOnly", "genErr", "noAccess", "wrongType", "wrongLength",
		"wrongEncoding", "wrongValue", "noCreation", "inconsistentValue", "resourceUnavailable", "commitFailed",
		"undoFailed", "authorizationError", "notWritable", "inconsistentName",
	}
	if int(s) < len(names) {
		return names[s]
	}
	return "error-status " + strconv.Itoa(int(s))
}

// advice is what usually helps.
func (s Status) advice() string {
	switch s {
	case NoAccess, NotWritable, ReadOnly:
		return " (the community or user may not write it, or nobody may: give credentials for writing)"
	case AuthorizationError:
		return " (the user or community may not do this, or not at this security level: use authPriv, and look at the agent's views)"
	case TooBig:
		return " (the answer does not fit into a message: ask for less)"
	}
	return ""
}

// A PDUError is a response with an error-status: the agent refused, or could not
// do what it was asked. After a refused SET of several objects read them all
// again: some agents have changed those before the one at fault.
type PDUError struct {
	Status Status
	// Index is which object of the request is at fault, from 1; 0 is none.
	Index int
	// OID is that object's name, nil where there is none.
	OID OID
	// Op is what was asked for: "get", "set", "getbulk".
	Op string
	// Target is the agent, as "192.0.2.1:161".
	Target string
}

// Error says what was refused, and what usually helps.
func (e *PDUError) Error() string {
	where := ""
	if e.OID != nil {
		where = " of " + e.OID.String()
	}
	return fmt.Sprintf("snmpx: %s%s on %s: %s%s", e.Op, where, e.Target, e.Status, e.Status.advice())
}

// Is makes an authorizationError an [ErrAuth].
func (e *PDUError) Is(target error) bool { return target == ErrAuth && e.Status == AuthorizationError }
