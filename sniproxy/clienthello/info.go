package clienthello

import "encoding/binary"

// Info is what a ClientHello says. Its slices point into the bytes that were
// parsed or into the Info itself: they are valid until either changes, and an
// Info in use must not be copied. Reusing one saves allocations.
type Info struct {
	// ServerName is the host name of the server_name extension in the form of
	// [CanonicalName]; nil when the client named none.
	ServerName []byte
	// RecordVersion is the version of the first record, 0 without records, and
	// LegacyVersion the one in the message (RFC 8446 section 4.1.2).
	RecordVersion, LegacyVersion uint16
	// MinVersion and MaxVersion are the lowest and highest TLS versions offered,
	// without GREASE (RFC 8701). Without supported_versions both are
	// LegacyVersion.
	MinVersion, MaxVersion uint16
	// Size is the length of the handshake message, its header of four bytes
	// included; Wire is the number of bytes that it took with its records. What
	// was received behind them is early data.
	Size, Wire int
	// Records is the number of records it came in.
	Records int
	// ECH says that encrypted_client_hello was sent. Browsers also send it
	// without meaning it (GREASE).
	ECH bool
	// EarlyData says that 0-RTT data follows, so that no byte may be sent to two
	// servers.
	EarlyData bool
	// QUIC says that quic_transport_parameters (RFC 9001 section 8.2) were sent.
	QUIC bool

	name [maxName]byte
	alpn []byte // ProtocolNameList without its length, checked
	join []byte // the message, when it came in several records
}

// reset forgets the last hello and keeps the buffers.
func (i *Info) reset() {
	i.ServerName, i.alpn = nil, nil
	i.RecordVersion, i.LegacyVersion, i.MinVersion, i.MaxVersion = 0, 0, 0, 0
	i.Size, i.Wire, i.Records = 0, 0, 0
	i.ECH, i.EarlyData, i.QUIC = false, false, false
}

// ALPN is a sequence of the protocol names of the ALPN extension (RFC 7301), in
// the client's order: at most 128, each of 1 to 255 bytes of any kind.
//
//	for proto := range info.ALPN { … }
func (i *Info) ALPN(yield func(proto []byte) bool) {
	for list := i.alpn; len(list) > 0; {
		end := 1 + int(list[0])
		if !yield(list[1:end:end]) {
			return
		}
		list = list[end:]
	}
}

// HasALPN says whether the client offers the protocol, such as "acme-tls/1".
func (i *Info) HasALPN(proto string) bool {
	for p := range i.ALPN {
		if string(p) == proto {
			return true
		}
	}
	return false
}

// versions takes the list of supported_versions.
func (i *Info) versions(list []byte) {
	i.MinVersion, i.MaxVersion = 0, 0
	for ; len(list) > 1; list = list[2:] {
		v := binary.BigEndian.Uint16(list)
		if v>>8 != 3 { // GREASE and drafts
			continue
		}
		if i.MinVersion == 0 || v < i.MinVersion {
			i.MinVersion = v
		}
		i.MaxVersion = max(i.MaxVersion, v)
	}
}
