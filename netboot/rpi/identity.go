package rpi

import (
	"encoding/binary"
	"fmt"
)

// ROMTransactionID is the DHCP transaction ID that the Pi 3B mask ROM,
// bootcode.bin and the 3B+ ROM put into every packet.
const ROMTransactionID = 0x26f30339

// romGUIDByte fills the whole option 97 of a mask ROM, which cannot read its
// serial number.
const romGUIDByte = 0x44

// The four-character codes that open the option 97 of EEPROM boot loaders,
// little endian on the wire.
const (
	fourCCPi4 = 0x34695052 // "RPi4"
	fourCCPi5 = 0x35695052 // "RPi5"
)

// Model is a family of boards that boot alike.
type Model uint8

// The models that a DISCOVER can tell apart. A mask ROM gives neither serial
// nor revision, so Model3B also stands for the 2B v1.2 and the CM3, whose ROM
// is the same.
const (
	ModelUnknown Model = iota
	Model3B
	Model3BPlus
	Model4
	Model5
)

// String returns the model's usual name, such as "3B+".
func (m Model) String() string {
	switch m {
	case Model3B:
		return "3B"
	case Model3BPlus:
		return "3B+"
	case Model4:
		return "4"
	case Model5:
		return "5"
	}
	return "unknown"
}

// Identity is what a Pi tells about itself before it has booted. Fields it did
// not tell are zero.
type Identity struct {
	Model    Model
	Revision Revision // new-style board revision code; 0 when not told
	Serial   uint32   // low 32 bits of the serial number; 0 when not told
	MACTail  uint32   // low 32 bits of the Ethernet address; 0 when not told
}

// Prefix returns the directory that the Pi asks for its files under: the low
// 32 bits of its serial number as eight lower-case hexadecimal digits, or ""
// when the serial is not known.
func (id Identity) Prefix() string {
	if id.Serial == 0 {
		return ""
	}
	return fmt.Sprintf("%08x", id.Serial)
}

// ParseGUID decodes the 16 identifier bytes of DHCP option 97 (RFC 4578
// section 2.3, without the type byte). It knows the constant of the 3B mask
// ROM, the serial number repeated four times of bootcode.bin and of EEPROMs
// with DHCP_OPTION97=0, and the structured form of Pi 4 and 5. ok is false for
// any other client's identifier.
func ParseGUID(guid [16]byte) (id Identity, ok bool) {
	word := func(i int) uint32 { return binary.LittleEndian.Uint32(guid[4*i:]) }
	first := word(0)
	repeated := first == word(1) && first == word(2) && first == word(3)
	switch {
	case repeated && first == romGUIDByte*0x01010101:
		return Identity{Model: Model3B}, true
	case first == fourCCPi4 || first == fourCCPi5:
		id = Identity{Revision: Revision(word(1)), MACTail: word(2), Serial: word(3)}
		id.Model = id.Revision.Model()
		if id.Model == ModelUnknown {
			id.Model = Model4
			if first == fourCCPi5 {
				id.Model = Model5
			}
		}
		return id, true
	case repeated && first != 0 && first != 0xffffffff:
		return Identity{Serial: first}, true
	}
	return Identity{}, false
}

// GUID encodes the identifier that a Pi with this identity sends in DHCP
// option 97: the inverse of [ParseGUID].
func (id Identity) GUID() [16]byte {
	var words [4]uint32
	switch {
	case id.Model == Model4 || id.Model == Model5:
		words = [4]uint32{fourCCPi4, uint32(id.Revision), id.MACTail, id.Serial}
		if id.Model == Model5 {
			words[0] = fourCCPi5
		}
	case id.Serial == 0:
		for i := range words {
			words[i] = romGUIDByte * 0x01010101
		}
	default:
		for i := range words {
			words[i] = id.Serial
		}
	}
	var guid [16]byte
	for i, w := range words {
		binary.LittleEndian.PutUint32(guid[4*i:], w)
	}
	return guid
}
