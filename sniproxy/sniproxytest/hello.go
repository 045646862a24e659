package sniproxytest

import (
	"crypto/ecdh"
	"crypto/mlkem"
	"encoding/binary"
)

// HelloOptions shape the ClientHello of [Hello]. The zero value is what a
// current client sends: TLS 1.3 and 1.2, a post-quantum key share of
// X25519MLKEM768, about 1.4 KiB in one record.
type HelloOptions struct {
	// Records are the content lengths of the first records; what is left goes
	// into one more. Repeat says that the last length holds for all that follow.
	Records []int
	Repeat  bool
	// RecordVersion is that of the records: 0 means 0x0301, as most clients send.
	RecordVersion uint16
	// Pad is the length of a padding extension (RFC 7685), none when 0.
	Pad int
	// NameLast puts server_name behind all other extensions, padding too.
	NameLast bool
	// Classical leaves out the post-quantum group and its key share; TLS12
	// leaves out all of TLS 1.3.
	Classical, TLS12 bool
	// ALPN are the protocols offered: nil means h2 and http/1.1, and an empty
	// list none.
	ALPN []string
	// ECH adds an encrypted_client_hello extension that nobody can decrypt
	// (GREASE), as browsers do.
	ECH bool
	// EarlyData is sent in an application data record right behind the hello,
	// which then carries early_data and pre_shared_key.
	EarlyData []byte
	// SecondName is a second host name in the same list, DuplicateSNI one in a
	// second server_name extension. Both are against RFC 6066.
	SecondName, DuplicateSNI string
	// EmptyName sends server_name with a host name of no bytes.
	EmptyName bool
	// QUIC is the content of quic_transport_parameters (RFC 9001 section 8.2),
	// left out when nil. The session ID is then empty.
	QUIC []byte
	// Extra are further extensions, as they are.
	Extra []Extension
}

// Extension is one of a ClientHello's.
type Extension struct {
	Type uint16
	Data []byte
}

// Hello is the first flight of a TLS client that names the server: the bytes of
// the name go in as they are, and without any the extension is left out. The
// same arguments give the same bytes, and a TLS server answers them with a
// ServerHello.
func Hello(name string, o HelloOptions) []byte {
	version := o.RecordVersion
	if version == 0 {
		version = 0x0301
	}
	b := appendRecords(nil, version, HelloMessage(name, o), o)
	if o.EarlyData != nil {
		b = appendRecord(b, 23, 0x0303, o.EarlyData)
	}
	return b
}

// HelloMessage is the handshake message of [Hello] without records, as QUIC
// carries it.
func HelloMessage(name string, o HelloOptions) []byte {
	body := binary.BigEndian.AppendUint16(nil, 0x0303)
	body = append(body, filler(32, 1)...) // random
	if o.QUIC != nil {
		body = append(body, 0)
	} else {
		body = append8(body, filler(32, 2)) // session ID
	}
	suites := []byte{0x13, 0x01, 0x13, 0x02, 0x13, 0x03, 0xc0, 0x2b, 0xc0, 0x2f, 0xc0, 0x2c, 0xc0, 0x30}
	if o.TLS12 {
		suites = suites[6:]
	}
	body = append16(body, suites)
	body = append(body, 1, 0) // null compression
	var list []byte
	for _, e := range extensions(name, o) {
		list = binary.BigEndian.AppendUint16(list, e.Type)
		list = append16(list, e.Data)
	}
	body = append16(body, list)
	return append([]byte{1, byte(len(body) >> 16), byte(len(body) >> 8), byte(len(body))}, body...)
}

// extensions are those of the hello in their order.
func extensions(name string, o HelloOptions) []Extension {
	names := serverNames(name, o)
	var all []Extension
	if !o.NameLast {
		all = append(all, names...)
	}
	all = append(all,
		Extension{23, nil},                                    // extended_master_secret
		Extension{0xff01, []byte{0}},                          // renegotiation_info
		Extension{10, groups(o)},                              // supported_groups
		Extension{11, []byte{1, 0}},                           // ec_point_formats
		Extension{35, nil},                                    // session_ticket
		Extension{5, []byte{1, 0, 0, 0, 0}},                   // status_request
		Extension{13, list16(0x0403, 0x0804, 0x0401, 0x0807)}, // signature_algorithms
		Extension{18, nil},                                    // signed_certificate_timestamp
		Extension{0x1a1a, filler(1, 3)},                       // GREASE (RFC 8701)
		Extension{17613, append16(nil, append8(nil, "h2"))},   // application_settings
	)
	if protocols := alpn(o.ALPN); protocols != nil {
		all = append(all, Extension{16, protocols})
	}
	if !o.TLS12 {
		all = append(all, modern(o)...)
	}
	if o.ECH {
		all = append(all, Extension{0xfe0d, greaseECH()})
	}
	if o.QUIC != nil {
		all = append(all, Extension{57, o.QUIC})
	}
	all = append(all, o.Extra...)
	if o.Pad > 0 {
		all = append(all, Extension{21, make([]byte, o.Pad)})
	}
	if o.NameLast {
		all = append(all, names...)
	}
	if o.EarlyData != nil { // pre_shared_key is always the last
		all = append(all, Extension{42, nil}, Extension{41, resumption()})
	}
	return all
}

// serverNames are the server_name extensions, none to two.
func serverNames(name string, o HelloOptions) []Extension {
	if name == "" && !o.EmptyName {
		return nil
	}
	list := append16([]byte{0}, name)
	if o.SecondName != "" {
		list = append16(append(list, 0), o.SecondName)
	}
	all := []Extension{{0, append16(nil, list)}}
	if o.DuplicateSNI != "" {
		all = append(all, Extension{0, append16(nil, append16([]byte{0}, o.DuplicateSNI))})
	}
	return all
}

// alpn is the extension's content for a list of protocols.
func alpn(protocols []string) []byte {
	if protocols == nil {
		protocols = []string{"h2", "http/1.1"}
	}
	var list []byte
	for _, p := range protocols {
		list = append8(list, p)
	}
	if list == nil {
		return nil
	}
	return append16(nil, list)
}

// groups are the supported_groups.
func groups(o HelloOptions) []byte {
	if o.Classical || o.TLS12 {
		return list16(0x001d, 0x0017)
	}
	return list16(0x11ec, 0x001d, 0x0017)
}

// modern are the extensions of TLS 1.3.
func modern(o HelloOptions) []Extension {
	var shares []byte
	if !o.Classical {
		shares = binary.BigEndian.AppendUint16(shares, 0x11ec)
		shares = append16(shares, append(postQuantumKey(), x25519Key(4)...))
	}
	shares = binary.BigEndian.AppendUint16(shares, 0x001d)
	shares = append16(shares, x25519Key(5))
	return []Extension{
		{43, []byte{4, 3, 4, 3, 3}}, // supported_versions
		{45, []byte{1, 1}},          // psk_key_exchange_modes
		{51, append16(nil, shares)}, // key_share
	}
}

func postQuantumKey() []byte {
	key, err := mlkem.NewDecapsulationKey768(filler(mlkem.SeedSize, 6))
	if err != nil {
		panic("sniproxytest: ML-KEM key: " + err.Error()) // the seed has the right length
	}
	return key.EncapsulationKey().Bytes()
}

func x25519Key(seed byte) []byte {
	key, err := ecdh.X25519().NewPrivateKey(filler(32, seed))
	if err != nil {
		panic("sniproxytest: X25519 key: " + err.Error()) // any 32 bytes are one
	}
	return key.PublicKey().Bytes()
}

// greaseECH is an outer ECHClientHello (RFC 9849 section 6.2).
func greaseECH() []byte {
	b := []byte{0, 0, 1, 0, 1, 77} // outer, HKDF-SHA256, AES-128-GCM, configuration 77
	b = append16(b, filler(32, 7))
	return append16(b, filler(144, 8))
}

// resumption is OfferedPsks (RFC 8446 section 4.2.11) with a made-up ticket.
func resumption() []byte {
	identity := append(append16(nil, filler(120, 9)), 0, 0, 0, 1)
	b := append16(nil, identity)
	return append16(b, append8(nil, filler(32, 10)))
}
