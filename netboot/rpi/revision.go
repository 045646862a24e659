package rpi

// Revision is a Raspberry Pi board revision code. New-style codes (bit 23 set)
// carry memory size, maker, processor, board type and revision; see "New-style
// revision codes" in the Raspberry Pi documentation.
type Revision uint32

const newStyle = 1 << 23

var boardTypes = map[uint32]struct {
	name  string
	model Model
}{
	0x04: {"2B", Model3B},
	0x08: {"3B", Model3B},
	0x0a: {"CM3", Model3B},
	0x0d: {"3B+", Model3BPlus},
	0x0e: {"3A+", Model3BPlus},
	0x10: {"CM3+", Model3BPlus},
	0x11: {"4B", Model4},
	0x13: {"400", Model4},
	0x14: {"CM4", Model4},
	0x15: {"CM4S", Model4},
	0x17: {"5", Model5},
	0x18: {"CM5", Model5},
	0x19: {"500", Model5},
	0x1a: {"CM5 Lite", Model5},
}

// Model returns the family of the board, or ModelUnknown for an old-style code
// or a board this package has not heard of.
func (r Revision) Model() Model {
	if r&newStyle == 0 {
		return ModelUnknown
	}
	return boardTypes[r.boardType()].model
}

// Board returns the board's name, such as "4B" or "CM4", and "" when unknown.
func (r Revision) Board() string {
	if r&newStyle == 0 {
		return ""
	}
	return boardTypes[r.boardType()].name
}

// MemoryMiB returns the size of the board's memory in MiB, 0 for an old-style
// code, which does not tell.
func (r Revision) MemoryMiB() int {
	if r&newStyle == 0 {
		return 0
	}
	return 256 << (r >> 20 & 7)
}

func (r Revision) boardType() uint32 { return uint32(r>>4) & 0xff }
