package proxyheader

import (
	"fmt"
	"net/netip"
)

// Command says whose connection a header speaks of.
type Command uint8

// The commands of version 2; a line of version 1 is always Proxy.
const (
	// Proxy: the connection is relayed for the client at Source.
	Proxy Command = iota
	// Local: the proxy speaks for itself, as health checks do. The receiver
	// uses the addresses of the connection itself.
	Local
)

// String returns "PROXY" or "LOCAL".
func (c Command) String() string {
	switch c {
	case Proxy:
		return "PROXY"
	case Local:
		return "LOCAL"
	}
	return fmt.Sprintf("Command(%d)", uint8(c))
}

// Header is one PROXY protocol header, to be written or as it was read.
type Header struct {
	// Version chooses the form for [Append]; [Decode] says which it read.
	Version Version
	Command Command
	// Datagram says that the addresses are those of a datagram protocol:
	// UDP, as in QUIC. Only version 2 can say it.
	Datagram bool

	// Source is the client, Destination the address of the proxy that the
	// client connected to. IPv4-mapped IPv6 addresses are taken and returned
	// as IPv4, and zones are left out. Both are the zero AddrPort in a header
	// that names no addresses: see [Header.Known].
	Source, Destination netip.AddrPort

	// Authority is the host name that the client asked for (SNI), at most
	// [MaxAuthority] bytes; nil leaves it out. Version 2 only, like all that
	// follow.
	Authority []byte
	// UniqueID names the connection in the logs of both sides, at most
	// [MaxUniqueID] bytes; nil leaves it out.
	UniqueID []byte
	// CRC32C asks for a checksum over the header, and says that a header read
	// had a right one.
	CRC32C bool
	// Align, when above 1, has the header filled up with a NOOP extension to a
	// multiple of so many bytes. It is at most 4096.
	Align int
	// TLVs are the extensions as on the wire. [Decode] returns all of them
	// here, unknown ones too. [AppendV2] writes them behind those of the
	// fields above, but for checksum, padding and what a field above replaces:
	// a header that was read can be relayed as it is.
	TLVs TLVs
}

// Known reports whether the header names the client. When it does not (LOCAL,
// UNKNOWN, UNSPEC and addresses of Unix sockets), those of the connection
// itself count.
func (h *Header) Known() bool {
	return h.Command == Proxy && h.Source.IsValid() && h.Destination.IsValid()
}
