package snmpx

import (
	"fmt"
	"net/netip"
	"strconv"
	"unicode"
	"unicode/utf8"
)

// Type is the tag of a value, of RFC 3416 section 3.
type Type uint8

// The types that an agent may answer.
const (
	TypeInteger        Type = 0x02
	TypeOctetString    Type = 0x04
	TypeNull           Type = 0x05
	TypeObjectID       Type = 0x06
	TypeIPAddress      Type = 0x40
	TypeCounter32      Type = 0x41
	TypeGauge32        Type = 0x42 // Unsigned32 as well
	TypeTimeTicks      Type = 0x43 // hundredths of a second
	TypeOpaque         Type = 0x44
	TypeCounter64      Type = 0x46
	TypeNoSuchObject   Type = 0x80
	TypeNoSuchInstance Type = 0x81
	TypeEndOfMibView   Type = 0x82
)

// String is the name in RFC 2578 and RFC 3416.
func (t Type) String() string {
	switch t {
	case TypeInteger:
		return "INTEGER"
	case TypeOctetString:
		return "OCTET STRING"
	case TypeNull:
		return "NULL"
	case TypeObjectID:
		return "OBJECT IDENTIFIER"
	case TypeIPAddress:
		return "IpAddress"
	case TypeCounter32:
		return "Counter32"
	case TypeGauge32:
		return "Gauge32"
	case TypeTimeTicks:
		return "TimeTicks"
	case TypeOpaque:
		return "Opaque"
	case TypeCounter64:
		return "Counter64"
	case TypeNoSuchObject:
		return "noSuchObject"
	case TypeNoSuchInstance:
		return "noSuchInstance"
	case TypeEndOfMibView:
		return "endOfMibView"
	}
	return "type " + strconv.Itoa(int(t))
}

// Value is what an object holds. The zero value is no value at all.
type Value struct {
	Type Type
	// Int is the number of INTEGER, Counter32, Gauge32 and TimeTicks, and of
	// Counter64 the same 64 bits.
	Int int64
	// Bytes is the content of OCTET STRING and Opaque, the four octets of an
	// IpAddress, and the encoding of an OBJECT IDENTIFIER ([Value.OID]).
	Bytes []byte
}

// Var is an object and its value: a variable binding.
type Var struct {
	OID   OID
	Value Value
}

// Integer is an INTEGER (Integer32, TruthValue, RowStatus and the like).
func Integer(n int32) Value { return Value{Type: TypeInteger, Int: int64(n)} }

// Gauge32 is a Gauge32 or Unsigned32.
func Gauge32(n uint32) Value { return Value{Type: TypeGauge32, Int: int64(n)} }

// Counter32 is a Counter32.
func Counter32(n uint32) Value { return Value{Type: TypeCounter32, Int: int64(n)} }

// Counter64 is a Counter64.
func Counter64(n uint64) Value { return Value{Type: TypeCounter64, Int: int64(n)} }

// TimeTicks are hundredths of a second.
func TimeTicks(n uint32) Value { return Value{Type: TypeTimeTicks, Int: int64(n)} }

// OctetString is an OCTET STRING.
func OctetString(b []byte) Value { return Value{Type: TypeOctetString, Bytes: b} }

// Text is an OCTET STRING of s.
func Text(s string) Value { return Value{Type: TypeOctetString, Bytes: []byte(s)} }

// ObjectID is an OBJECT IDENTIFIER.
func ObjectID(o OID) Value { return Value{Type: TypeObjectID, Bytes: o.AppendBER(nil)} }

// IPAddress is an IpAddress, which has room for IPv4 only.
func IPAddress(a netip.Addr) Value { return Value{Type: TypeIPAddress, Bytes: a.Unmap().AsSlice()} }

// Present reports whether there is a value: not nothing, NULL, noSuchObject,
// noSuchInstance or endOfMibView.
func (v Value) Present() bool {
	return v.Type != 0 && v.Type != TypeNull && v.Type < TypeNoSuchObject
}

// Int64 is the number of a numeric value; ok is false for the others and for a
// Counter64 above 2^63-1.
func (v Value) Int64() (n int64, ok bool) {
	switch v.Type {
	case TypeInteger, TypeCounter32, TypeGauge32, TypeTimeTicks:
		return v.Int, true
	case TypeCounter64:
		return v.Int, v.Int >= 0
	}
	return 0, false
}

// Uint64 is the number of a numeric value that is not negative.
func (v Value) Uint64() (n uint64, ok bool) {
	if v.Type == TypeCounter64 {
		return uint64(v.Int), true
	}
	i, ok := v.Int64()
	return uint64(i), ok && i >= 0
}

// Octets is the content of an OCTET STRING or Opaque.
func (v Value) Octets() (b []byte, ok bool) {
	return v.Bytes, v.Type == TypeOctetString || v.Type == TypeOpaque
}

// Text is an OCTET STRING as a string; ok is false for the other types.
func (v Value) Text() (s string, ok bool) {
	return string(v.Bytes), v.Type == TypeOctetString
}

// OID is the content of an OBJECT IDENTIFIER.
func (v Value) OID() (o OID, ok bool) {
	if v.Type != TypeObjectID {
		return nil, false
	}
	o, err := ParseOIDBER(v.Bytes)
	return o, err == nil
}

// Addr is the content of an IpAddress.
func (v Value) Addr() (a netip.Addr, ok bool) {
	if v.Type != TypeIPAddress || len(v.Bytes) != 4 {
		return netip.Addr{}, false
	}
	return netip.AddrFromSlice(v.Bytes)
}

// String is the value for people. Octets that are no printable text are in
// hexadecimal.
func (v Value) String() string {
	switch v.Type {
	case 0:
		return "nothing"
	case TypeInteger, TypeCounter32, TypeGauge32, TypeTimeTicks:
		return strconv.FormatInt(v.Int, 10)
	case TypeCounter64:
		return strconv.FormatUint(uint64(v.Int), 10)
	case TypeObjectID:
		if o, ok := v.OID(); ok {
			return o.String()
		}
	case TypeIPAddress:
		if a, ok := v.Addr(); ok {
			return a.String()
		}
	case TypeOctetString:
		if printable(v.Bytes) {
			return strconv.Quote(string(v.Bytes))
		}
	case TypeNull, TypeNoSuchObject, TypeNoSuchInstance, TypeEndOfMibView:
		return v.Type.String()
	}
	return fmt.Sprintf("% x", v.Bytes)
}

func printable(b []byte) bool {
	if !utf8.Valid(b) {
		return false
	}
	for _, r := range string(b) {
		if !unicode.IsPrint(r) {
			return false
		}
	}
	return true
}
