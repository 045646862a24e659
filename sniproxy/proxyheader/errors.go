package proxyheader

import "errors"

// What [Decode] answers when it returns no header.
var (
	// ErrShort: all bytes so far may begin a header; read more.
	ErrShort = errors.New("proxyheader: header is not complete yet")
	// ErrNotProxy: the bytes begin no PROXY header.
	ErrNotProxy = errors.New("proxyheader: not a PROXY header")
	// ErrMalformed: a header that breaks a rule; the text says which.
	ErrMalformed = errors.New("proxyheader: malformed PROXY header")
	// ErrChecksum: a version 2 header whose CRC32C is wrong.
	ErrChecksum = errors.New("proxyheader: wrong CRC32C in PROXY header")
)
