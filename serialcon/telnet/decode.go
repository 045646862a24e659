package telnet

// maxSub bounds a subnegotiation; RFC 2217's longest useful one is a text.
const maxSub = 256

// What a byte of the wire completes.
type tokenKind uint8

const (
	tokenNone    tokenKind = iota // it needs more
	tokenData                     // a byte of the line
	tokenCommand                  // IAC verb
	tokenOption                   // IAC verb option
	tokenSub                      // IAC SB option body IAC SE
)

type token struct {
	kind   tokenKind
	verb   byte
	option byte
	body   []byte // valid until the next byte
}

type decoderState uint8

const (
	inData   decoderState = iota
	afterIAC              // IAC
	afterVerb
	afterSB
	inSub
	inSubIAC
)

// decoder takes the wire apart, a byte at a time: where a read ends makes no
// difference. The zero value is at a connection's start.
type decoder struct {
	state  decoderState
	binary bool // the peer sends in BINARY mode: CR is a byte like others
	cr     bool // the byte before was a CR
	verb   byte
	option byte
	sub    []byte
	long   bool // the subnegotiation is beyond maxSub and will be dropped
}

// next takes one byte.
func (d *decoder) next(b byte) token {
	switch d.state {
	case inData:
		return d.data(b)
	case afterIAC:
		return d.command(b)
	case afterVerb:
		d.state = inData
		return token{kind: tokenOption, verb: d.verb, option: b}
	case afterSB:
		d.state, d.option, d.sub, d.long = inSub, b, d.sub[:0], false
	case inSub:
		if b == cmdIAC {
			d.state = inSubIAC
			break
		}
		d.keep(b)
	case inSubIAC:
		return d.subIAC(b)
	}
	return token{}
}

func (d *decoder) data(b byte) token {
	afterCR := d.cr
	d.cr = false
	switch {
	case b == cmdIAC:
		d.state = afterIAC
		return token{}
	case b == 0 && afterCR && !d.binary:
		return token{}
	}
	d.cr = b == '\r'
	return token{kind: tokenData, verb: b}
}

func (d *decoder) command(b byte) token {
	d.state = inData
	switch {
	case b == cmdIAC:
		return token{kind: tokenData, verb: b}
	case b == cmdSB:
		d.state = afterSB
		return token{}
	case b >= cmdWILL:
		d.state, d.verb = afterVerb, b
		return token{}
	}
	return token{kind: tokenCommand, verb: b}
}

// subIAC takes the byte after an IAC in a subnegotiation. A command other than
// SE there means that the peer forgot its end.
func (d *decoder) subIAC(b byte) token {
	switch b {
	case cmdIAC:
		d.state = inSub
		d.keep(b)
		return token{}
	case cmdSE:
		d.state = inData
		if d.long {
			return token{}
		}
		return token{kind: tokenSub, option: d.option, body: d.sub}
	}
	return d.command(b)
}

func (d *decoder) keep(b byte) {
	if len(d.sub) == maxSub {
		d.long = true
		return
	}
	d.sub = append(d.sub, b)
}
