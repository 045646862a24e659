package proxyheader

// Types of extensions (proxy-protocol.txt, section 2.2).
const (
	TypeALPN      byte = 0x01
	TypeAuthority byte = 0x02
	TypeCRC32C    byte = 0x03
	TypeNoop      byte = 0x04
	TypeUniqueID  byte = 0x05
	TypeSSL       byte = 0x20
	TypeNetNS     byte = 0x30
)

// Limits of extensions.
const (
	MaxAuthority = 255 // bytes, what HAProxy takes
	MaxUniqueID  = 128 // bytes, by the protocol
)

// TLVs is a sequence of extensions as on the wire: type, 16 bit length, value.
type TLVs []byte

// TLVSet says which extensions a sender adds.
type TLVSet uint8

// The extensions of a set.
const (
	WithAuthority TLVSet = 1 << iota // the name in the hello, as [Header.Authority]
	WithUniqueID                     // the connection's id, as [Header.UniqueID]
	WithCRC32C                       // the checksum
)
