package telnet

import "fmt"

// Serial is how the server is to set its line, by RFC 2217. What is zero is
// left as the server has it.
type Serial struct {
	Baud     uint32 // bits a second
	DataBits uint8  // 5 to 8
	Parity   Parity
	StopBits StopBits
	Flow     Flow
}

// Parity of a line, as RFC 2217 numbers it.
type Parity uint8

// The parities. Zero leaves it as it is.
const (
	ParityNone Parity = iota + 1
	ParityOdd
	ParityEven
	ParityMark
	ParitySpace
)

// StopBits of a line, as RFC 2217 numbers them.
type StopBits uint8

// The numbers of stop bits. Zero leaves it as it is.
const (
	StopOne StopBits = iota + 1
	StopTwo
	StopOneAndHalf
)

// Flow control of a line, as RFC 2217 numbers it.
type Flow uint8

// The kinds of flow control. Zero leaves it as it is.
const (
	FlowNone Flow = iota + 1
	FlowXonXoff
	FlowHardware // RTS and CTS
)

// check refuses what RFC 2217 has no number for.
func (s *Serial) check() error {
	switch {
	case s.DataBits != 0 && (s.DataBits < 5 || s.DataBits > 8):
		return fmt.Errorf("%d data bits: want 5 to 8", s.DataBits)
	case s.Parity > ParitySpace:
		return fmt.Errorf("parity %d: want ParityNone to ParitySpace", s.Parity)
	case s.StopBits > StopOneAndHalf:
		return fmt.Errorf("stop bits %d: want StopOne to StopOneAndHalf", s.StopBits)
	case s.Flow > FlowHardware:
		return fmt.Errorf("flow control %d: want FlowNone to FlowHardware", s.Flow)
	}
	return nil
}
