package proxyheader

import "errors"

// What [Decode] answers when it returns no header.
var (
	// ErrShort: all bytes so far may begin a header; read more.
	ErrShort = errors.New("proxyheader: the header is not complete")
	// ErrNotProxy: the bytes begin no PROXY header.
	ErrNotProxy = errors.New("proxyheader: the connection does not begin with a PROXY header")
	// ErrMalformed: a header that breaks a rule. The error is an [*Error].
	ErrMalformed = errors.New("proxyheader: malformed PROXY header")
	// ErrChecksum: a version 2 header whose CRC32C is wrong.
	ErrChecksum = errors.New("proxyheader: wrong CRC32C in the PROXY header")
)

// Error is a header that breaks a rule of the protocol. It is [ErrMalformed].
type Error struct {
	Version Version
	Reason  string // a fixed text: no byte of the header is in it
}

// Error says which rule.
func (e *Error) Error() string {
	return "proxyheader: malformed PROXY header " + e.Version.String() + ": " + e.Reason
}

// Is reports whether target is [ErrMalformed].
func (e *Error) Is(target error) bool { return target == ErrMalformed }

// The errors of Decode. They are made once, so that hostile bytes cost no memory.
var (
	errV1Long    = &Error{V1, "no CRLF within 107 bytes"}
	errV1End     = &Error{V1, "CR and LF may only come together, at the end"}
	errV1Family  = &Error{V1, "the protocol is none of TCP4, TCP6 and UNKNOWN"}
	errV1Fields  = &Error{V1, "wants two addresses and two ports with one space between"}
	errV1Address = &Error{V1, "an address is not one of the protocol's family"}
	errV1Port    = &Error{V1, "a port is no decimal number from 0 to 65535 without leading zeros"}
	errV2Version = &Error{V2, "the version is not 2"}
	errV2Command = &Error{V2, "the command is neither LOCAL nor PROXY"}
	errV2Family  = &Error{V2, "unknown combination of family and transport"}
	errV2Long    = &Error{V2, "longer than the limit"}
	errV2Short   = &Error{V2, "too short for its addresses"}
	errTLVCut    = &Error{V2, "an extension is cut short"}
	errTLVTwice  = &Error{V2, "two checksums, authorities or unique IDs"}
	errTLVSize   = &Error{V2, "a checksum, authority or unique ID of a wrong size"}
	errUnwanted  = &Error{V2, "version 2, where only version 1 is taken"}
	errUnwanted1 = &Error{V1, "version 1, where only version 2 is taken"}
)
