package snmptest

import (
	"fmt"
	"net"

	"github.com/mythic-beasts/hostkit/internal/snmpx"
)

// Kind is what a message asks for: the tag of its PDU.
type Kind byte

// The PDUs of RFC 3416 section 3.
const (
	Get      Kind = 0xa0
	GetNext  Kind = 0xa1
	Response Kind = 0xa2
	Set      Kind = 0xa3
	GetBulk  Kind = 0xa5
	Inform   Kind = 0xa6
	Notify   Kind = 0xa7 // an SNMPv2 trap
)

// String is the name of the PDU.
func (k Kind) String() string {
	switch k {
	case Get:
		return "get"
	case GetNext:
		return "getnext"
	case Response:
		return "response"
	case Set:
		return "set"
	case GetBulk:
		return "getbulk"
	case Inform:
		return "inform"
	case Notify:
		return "trap"
	}
	return fmt.Sprintf("pdu %#x", byte(k))
}

// Request is a message that came in.
type Request struct {
	From      net.Addr
	Community string
	Kind      Kind
	ID        int32
	Vars      []snmpx.Var
	// NonRepeaters and MaxRepetitions are those of a GETBULK.
	NonRepeaters, MaxRepetitions int

	status snmpx.Status // of a response
}

const version2c = 1

// parseMessage reads a message of SNMPv2c.
func parseMessage(b []byte) (Request, error) {
	body, rest, err := expect(tagSequence, b)
	if err != nil {
		return Request{}, err
	}
	if len(rest) > 0 {
		return Request{}, fmt.Errorf("%w: %d octets after it", errBER, len(rest))
	}
	version, body, err := expect(byte(snmpx.TypeInteger), body)
	if err != nil {
		return Request{}, err
	}
	if len(version) != 1 || version[0] != version2c {
		return Request{}, fmt.Errorf("%w: version %x, only v2c is served", errBER, version)
	}
	community, body, err := expect(byte(snmpx.TypeOctetString), body)
	if err != nil {
		return Request{}, err
	}
	kind, pdu, _, err := next(body)
	if err != nil {
		return Request{}, err
	}
	r := Request{Community: string(community), Kind: Kind(kind)}
	return r, r.parsePDU(pdu)
}

func (r *Request) parsePDU(pdu []byte) error {
	var numbers [3]int64 // the request id, then non-repeaters and repetitions or status and index
	for i := range numbers {
		content, rest, err := expect(byte(snmpx.TypeInteger), pdu)
		if err != nil {
			return err
		}
		if numbers[i], err = parseInt(content); err != nil {
			return err
		}
		pdu = rest
	}
	r.ID = int32(numbers[0])
	r.NonRepeaters, r.MaxRepetitions = int(max(numbers[1], 0)), int(max(numbers[2], 0))
	r.status = snmpx.Status(numbers[1])
	list, _, err := expect(tagSequence, pdu)
	for err == nil && len(list) > 0 {
		var one []byte
		if one, list, err = expect(tagSequence, list); err == nil {
			err = r.parseVar(one)
		}
	}
	return err
}

func (r *Request) parseVar(b []byte) error {
	name, b, err := expect(byte(snmpx.TypeObjectID), b)
	if err != nil {
		return err
	}
	oid, err := snmpx.ParseOIDBER(name)
	if err != nil {
		return fmt.Errorf("%w: %w", errBER, err)
	}
	tag, content, _, err := next(b)
	if err != nil {
		return err
	}
	value, err := parseValue(tag, content)
	r.Vars = append(r.Vars, snmpx.Var{OID: oid, Value: value})
	return err
}

// message is one to be sent; vars are encoded already.
type message struct {
	community string
	kind      Kind
	id        int32
	status    snmpx.Status
	index     int
	vars      []byte
}

// append appends the encoded message.
func (m *message) append(dst []byte) []byte {
	var room [64]byte
	head := appendInt(room[:0], byte(snmpx.TypeInteger), int64(m.id))
	head = appendInt(head, byte(snmpx.TypeInteger), int64(m.status))
	head = appendInt(head, byte(snmpx.TypeInteger), int64(m.index))
	head = appendLength(append(head, tagSequence), len(m.vars))
	var outer [16]byte
	pdu := appendLength(append(outer[:0], byte(m.kind)), len(head)+len(m.vars))
	if dst == nil {
		dst = make([]byte, 0, len(m.vars)+len(m.community)+headRoom)
	}
	size := len(pdu) + len(head) + len(m.vars) + 3 + lengthSize(len(m.community)) + len(m.community)
	dst = appendLength(append(dst, tagSequence), size)
	dst = appendInt(dst, byte(snmpx.TypeInteger), version2c)
	dst = appendTLV(dst, byte(snmpx.TypeOctetString), []byte(m.community))
	dst = append(append(dst, pdu...), head...)
	return append(dst, m.vars...)
}

// lengthSize is how long tag and length are before n octets.
func lengthSize(n int) int {
	var room [8]byte
	return 1 + len(appendLength(room[:0], n))
}
