package telnet

import "bytes"

// Commands of RFC 2217 that only a server answers, and values of SET-CONTROL.
const (
	comSignature    = 0
	controlFlow     = 0
	controlBreak    = 4
	controlBreakOff = 6
	controlDTR      = 7
	controlRTS      = 10
	controlFlowIn   = 13
	controlLast     = 19
)

type orderKind uint8

const (
	orderData    orderKind = iota
	orderBreak             // IAC BRK
	orderComPort           // a command of RFC 2217
	orderBegin             // RFC 2217 was agreed on
)

// order is what a client wants of the line.
type order struct {
	kind    orderKind
	command byte
	data    []byte // bytes for the line, or the command's value
}

// host is the server's end of the protocol, without a socket: bytes in; orders
// and answers out.
type host struct {
	decoder decoder
	negotiator
	suspended bool // the client asks not to send
	lineMask  byte // what it wants to be told of
	modemMask byte
}

// start asks for what the server wants: a line of eight bits that is not echoed
// at the client, and RFC 2217.
func (h *host) start() {
	h.modemMask = 0xff
	h.ask(&h.local, optSGA)
	h.ask(&h.remote, optSGA)
	h.ask(&h.local, optEcho)
	h.ask(&h.local, optBinary)
	h.ask(&h.remote, optBinary)
	h.ask(&h.remote, optComPort)
}

// comPort reports whether RFC 2217 is agreed on.
func (h *host) comPort() bool { return h.remote[optComPort] == qYes }

// receive takes what came, and appends what it orders, in its order. Data is in
// p's memory.
func (h *host) receive(orders []order, p []byte) []order {
	from, n := 0, 0 // p[from:n] are bytes for the line that are not ordered yet
	for _, b := range p {
		t := h.decoder.next(b)
		if t.kind == tokenData {
			p[n] = t.verb
			n++
			continue
		}
		if t.kind == tokenNone || t.kind == tokenCommand && t.verb != cmdBRK {
			continue
		}
		if n > from {
			orders = append(orders, order{kind: orderData, data: p[from:n]})
			from = n
		}
		orders = h.token(orders, t)
	}
	if n > from {
		orders = append(orders, order{kind: orderData, data: p[from:n]})
	}
	return orders
}

func (h *host) token(orders []order, t token) []order {
	switch t.kind {
	case tokenCommand:
		return append(orders, order{kind: orderBreak})
	case tokenOption:
		return h.option(orders, t.verb, t.option)
	}
	if t.option != optComPort || len(t.body) == 0 {
		return orders
	}
	if h.remote[optComPort] == qWantYes {
		// pyserial takes our DO, when it comes before it has said its own WILL, for
		// the answer to that, and never says it: what it then sends says as much.
		orders = h.option(orders, cmdWILL, optComPort)
	}
	if !h.comPort() {
		return orders
	}
	switch command, value := t.body[0], t.body[1:]; {
	case command == comSuspend || command == comResume:
		h.suspended = command == comSuspend
	case (command == comLineMask || command == comModemMask) && len(value) == 1:
		if command == comLineMask {
			h.lineMask = value[0]
		} else {
			h.modemMask = value[0]
		}
		h.reply(command, value...)
	default:
		orders = append(orders, order{kind: orderComPort, command: command, data: bytes.Clone(value)})
	}
	return orders
}

func (h *host) option(orders []order, verb, option byte) []order {
	side, had := h.heard(verb, option, func(local bool) bool {
		if local {
			return option == optBinary || option == optSGA || option == optEcho
		}
		return option == optBinary || option == optSGA || option == optComPort
	})
	if side == &h.local {
		return orders
	}
	now := side[option]
	switch {
	case option == optBinary:
		h.decoder.binary = now == qYes
	case option == optComPort && now != qYes:
		h.suspended = false
	case option == optComPort && had != qYes:
		orders = append(orders, order{kind: orderBegin})
	}
	return orders
}

// reply answers a command.
func (h *host) reply(command byte, value ...byte) {
	h.out = appendSub(h.out, command+fromServer, value...)
}
