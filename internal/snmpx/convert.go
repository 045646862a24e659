package snmpx

import (
	"encoding/binary"
	"fmt"
	"math"
	"net/netip"

	"github.com/gosnmp/gosnmp"
)

// writable says what is wrong with a value that is to be written.
func (v Value) writable() error {
	fits := true
	switch v.Type {
	case TypeInteger:
		fits = v.Int == int64(int32(v.Int))
	case TypeCounter32, TypeGauge32, TypeTimeTicks:
		fits = v.Int == int64(uint32(v.Int))
	case TypeObjectID:
		_, fits = v.OID()
	case TypeIPAddress:
		fits = len(v.Bytes) == 4
	case TypeCounter64, TypeOctetString, TypeOpaque:
	default:
		return fmt.Errorf("a value of type %s cannot be written", v.Type)
	}
	if !fits {
		return fmt.Errorf("%s is no %s", v, v.Type)
	}
	return nil
}

// toPDU is a variable as gosnmp wants it for a request.
func toPDU(v Var) gosnmp.SnmpPDU {
	p := gosnmp.SnmpPDU{Name: "." + v.OID.String(), Type: gosnmp.Asn1BER(v.Value.Type)}
	switch v.Value.Type {
	case TypeInteger:
		p.Value = int(v.Value.Int)
	case TypeCounter32, TypeGauge32, TypeTimeTicks:
		p.Value = uint32(v.Value.Int)
	case TypeCounter64:
		p.Value = uint64(v.Value.Int)
	case TypeObjectID:
		o, _ := v.Value.OID()
		p.Value = "." + o.String()
	default:
		p.Value = v.Value.Bytes
	}
	return p
}

// fromPDU reads a variable of an answer.
func fromPDU(p gosnmp.SnmpPDU) (Var, error) {
	o, err := ParseOID(p.Name)
	if err != nil {
		return Var{}, err
	}
	v := Value{Type: Type(p.Type)}
	switch x := p.Value.(type) {
	case nil:
		if v.Type == 0 {
			return Var{}, fmt.Errorf("%w: the value of %s", errMalformed, o)
		}
	case int:
		v.Int = int64(x)
	case uint:
		v.Int = int64(x)
	case uint32:
		v.Int = int64(x)
	case uint64:
		v.Int = int64(x)
	case []byte:
		v.Bytes = x
	case float32:
		v.Type, v.Bytes = TypeOpaque, binary.BigEndian.AppendUint32([]byte{0x9f, 0x78, 4}, math.Float32bits(x))
	case float64:
		v.Type, v.Bytes = TypeOpaque, binary.BigEndian.AppendUint64([]byte{0x9f, 0x79, 8}, math.Float64bits(x))
	case string:
		if v, err = fromText(v.Type, x); err != nil {
			return Var{}, err
		}
	default:
		return Var{}, fmt.Errorf("%w: the value of %s", errMalformed, o)
	}
	return Var{o, v}, nil
}

// fromText reads what gosnmp makes strings of.
func fromText(t Type, s string) (Value, error) {
	switch t {
	case TypeObjectID:
		if s == "." || s == "" { // RFC 2578 wants two numbers; some agents send none
			return Value{Type: t}, nil
		}
		o, err := ParseOID(s)
		return Value{Type: t, Bytes: o.AppendBER(nil)}, err
	case TypeIPAddress:
		a, err := netip.ParseAddr(s)
		return Value{Type: t, Bytes: a.AsSlice()}, err
	}
	return Value{Type: t, Bytes: []byte(s)}, nil
}
