package snmpx

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/gosnmp/gosnmp"
)

// gosnmp makes a string of each name and a value of each number that it reads,
// some twelve allocations for each object. Messages of v2c are read here, with
// some for each message; for v3, whose cost is in the cryptography, it does.

// reply is an answer.
type reply struct {
	status Status
	index  int
	vars   []Var
}

// askV2c sends an operation, again and again where there is no answer.
func (c *Client) askV2c(op operation) (reply, error) {
	w := c.wire
	buf, ok := buffers.Get().(*[maxMessage]byte)
	if !ok {
		buf = new([maxMessage]byte)
	}
	defer buffers.Put(buf)
	var err error
	for range op.retries + 1 {
		c.id = max((c.id+1)&0x7fffffff, 1) // agents are known that answer with 0
		if err = w.post(c.id, appendRequest(buf[:0], w.community, c.id, op)); err != nil {
			return reply{}, err
		}
		for err == nil {
			var h header
			if h, err = w.next(buf[:]); err != nil {
				break
			}
			if r, bad := parseReply(h.body); bad == nil {
				return r, nil
			}
			w.count.dropped.Add(1)
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return reply{}, err
		}
	}
	return reply{}, err
}

// maxMessage is what a datagram may hold.
const maxMessage = 64 << 10

// buffers are for messages, and hold none between requests. Each client having
// its own would be the most of its memory.
var buffers sync.Pool

// appendRequest appends an operation's message.
func appendRequest(dst []byte, community Secret, id int32, op operation) []byte {
	list := make([]byte, 0, 32*len(op.vars))
	for _, v := range op.vars {
		list = appendVar(list, v)
	}
	head := make([]byte, 0, 32)
	head = appendInt(head, TypeInteger, int64(id))
	head = appendInt(head, TypeInteger, 0) // non-repeaters, or the status
	head = appendInt(head, TypeInteger, int64(op.rows))
	head = appendLength(append(head, tagSequence), len(list))
	pdu := make([]byte, 0, len(head)+len(list)+8)
	pdu = appendLength(append(pdu, byte(op.tag)), len(head)+len(list))
	return appendV2c(dst, community, append(append(pdu, head...), list...))
}

func appendVar(dst []byte, v Var) []byte {
	name := v.OID.AppendBER(make([]byte, 0, 64))
	body := append(appendLength(append(make([]byte, 0, 128), byte(TypeObjectID)), len(name)), name...)
	switch v.Value.Type {
	case TypeInteger, TypeCounter32, TypeGauge32, TypeTimeTicks:
		body = appendInt(body, v.Value.Type, v.Value.Int)
	case TypeCounter64:
		body = appendUint(body, v.Value.Type, uint64(v.Value.Int))
	case 0:
		body = append(body, byte(TypeNull), 0)
	default:
		body = appendLength(append(body, byte(v.Value.Type)), len(v.Value.Bytes))
		body = append(body, v.Value.Bytes...)
	}
	return append(appendLength(append(dst, tagSequence), len(body)), body...)
}

// appendInt appends a number in as few octets as hold it.
func appendInt(dst []byte, t Type, n int64) []byte {
	size := 1
	for rest := n; rest > 127 || rest < -128; rest >>= 8 {
		size++
	}
	dst = append(dst, byte(t), byte(size))
	for shift := 8 * (size - 1); shift >= 0; shift -= 8 {
		dst = append(dst, byte(n>>shift))
	}
	return dst
}

func appendUint(dst []byte, t Type, n uint64) []byte {
	if n>>63 == 0 {
		return appendInt(dst, t, int64(n))
	}
	dst = append(dst, byte(t), 9, 0)
	for shift := 56; shift >= 0; shift -= 8 {
		dst = append(dst, byte(n>>shift))
	}
	return dst
}

// parseReply reads the PDU of an answer. The values are copies.
func parseReply(pdu []byte) (reply, error) {
	outer := parser{b: pdu}
	p := parser{b: outer.next(tagResponse), err: outer.err}
	p.int() // the request id
	r := reply{status: Status(p.int()), index: int(p.int())}
	list := append([]byte(nil), p.next(tagSequence)...)
	if p.err != nil {
		return reply{}, p.err
	}
	r.vars = make([]Var, 0, len(list)/20+1)
	arcs := make([]uint32, 0, len(list)/2+8)
	for len(list) > 0 {
		one := parser{b: list}
		fields := parser{b: one.next(tagSequence), err: one.err}
		list = one.b
		name := fields.next(byte(TypeObjectID))
		if fields.err != nil {
			return reply{}, fields.err
		}
		if cap(arcs)-len(arcs) < len(name)+1 {
			arcs = make([]uint32, 0, max(len(list)/2, len(name))+8)
		}
		begin := len(arcs)
		var err error
		if arcs, err = appendArcs(arcs, name); err != nil {
			return reply{}, err
		}
		v := Var{OID: arcs[begin:len(arcs):len(arcs)]}
		if v.Value, err = parseValue(fields.b); err != nil {
			return reply{}, err
		}
		r.vars = append(r.vars, v)
	}
	return r, nil
}

// parseValue reads the value of a variable. An OCTET STRING that says to be one
// octet longer than the variable is taken as it is, as some MikroTik send.
func parseValue(b []byte) (Value, error) {
	tag, content, rest, err := cut(b)
	if err != nil && len(b) >= 2 && Type(b[0]) == TypeOctetString && int(b[1]) == len(b)-1 && b[1] < 0x80 {
		return Value{Type: TypeOctetString, Bytes: b[2:]}, nil
	}
	if err != nil {
		return Value{}, err
	}
	if len(rest) > 0 {
		return Value{}, fmt.Errorf("%w: %d octets after a value", errMalformed, len(rest))
	}
	v := Value{Type: Type(tag)}
	switch v.Type {
	case TypeInteger, TypeCounter32, TypeGauge32, TypeTimeTicks, TypeCounter64:
		v.Int, err = parseNumber(v.Type, content)
	case TypeOctetString, TypeObjectID, TypeIPAddress, TypeOpaque:
		v.Bytes = content
	case TypeNull, TypeNoSuchObject, TypeNoSuchInstance, TypeEndOfMibView:
	case Type(gosnmp.Uinteger32): // of RFC 1442
		v.Type = TypeGauge32
		v.Int, err = parseNumber(v.Type, content)
	default:
		err = fmt.Errorf("%w: a value of %s", errMalformed, v.Type)
	}
	return v, err
}

// parseNumber reads two's complement, and unsigned numbers also where an agent
// leaves out the octet that says so.
func parseNumber(t Type, b []byte) (int64, error) {
	most := 5
	if t == TypeCounter64 {
		most = 9
	}
	if len(b) == 0 || len(b) > most {
		return 0, fmt.Errorf("%w: a %s of %d octets", errMalformed, t, len(b))
	}
	var n uint64
	if t == TypeInteger && b[0] >= 0x80 {
		n = ^n
	}
	for _, o := range b {
		n = n<<8 | uint64(o)
	}
	switch t {
	case TypeInteger:
		return int64(int32(n)), nil
	case TypeCounter64:
		return int64(n), nil
	}
	return int64(uint32(n)), nil
}
