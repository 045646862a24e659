package snmpx

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzReply reads anything as the PDU of an answer.
func FuzzReply(f *testing.F) {
	good := []byte("\xa2\x1c\x02\x01\x01\x02\x01\x00\x02\x01\x000\x110\x0f\x06\x0a\x2b\x06\x01\x02\x01\x69\x01\x01\x01\x03\x02\x01\x01")
	r, err := parseReply(good)
	require.NoError(f, err)
	require.Equal(f, []Var{{OID{1, 3, 6, 1, 2, 1, 105, 1, 1, 1, 3}, Integer(1)}}, r.vars)
	f.Add(good)
	f.Add([]byte("\xa2\x0b\x02\x01\x01\x02\x01\x02\x02\x01\x010\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := parseReply(b)
		if err != nil {
			return
		}
		for _, v := range r.vars {
			if len(v.OID) == 0 || len(v.OID) > maxArcs {
				t.Fatalf("a name of %d numbers", len(v.OID))
			}
			// What was read is written as something that reads the same.
			again, err := parseReply(response(appendVar(nil, v)))
			require.NoError(t, err)
			require.Equal(t, v.OID, again.vars[0].OID)
			require.Equal(t, v.Value.Int, again.vars[0].Value.Int)
		}
	})
}

// response is the PDU of an answer with the variables in it.
func response(vars []byte) []byte {
	head := appendInt(appendInt(appendInt(nil, TypeInteger, 1), TypeInteger, 0), TypeInteger, 0)
	head = append(appendLength(append(head, tagSequence), len(vars)), vars...)
	return append(appendLength([]byte{tagResponse}, len(head)), head...)
}

// FuzzHeader reads anything as a message.
func FuzzHeader(f *testing.F) {
	f.Add(appendRequest(nil, "public", 7, operation{tag: 0xa0, vars: []Var{{OID: OID{1, 3, 6}}}}))
	f.Add([]byte("0\x3e\x02\x01\x030\x11\x02\x04\x1b\x21\x4d\xd5\x02\x03\x00\xff\xe3\x04\x01\x04\x02\x01\x03\x04\x100\x0e\x04\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := parseHeader(b)
		if err == nil && h.version != version2c && h.version != version3 {
			t.Fatalf("version %d", h.version)
		}
	})
}

// What agents send that is not as X.690 has it, and what is too bad to be read.
func TestOddValues(t *testing.T) {
	for _, test := range []struct {
		name, ber string
		want      Value
	}{
		{"unsigned without its octet", "\x42\x04\xff\xff\xff\xff", Gauge32(0xffffffff)},
		{"unsigned with it", "\x42\x05\x00\xff\xff\xff\xff", Gauge32(0xffffffff)},
		{"counter64 of nine", "\x46\x09\x00\xff\xff\xff\xff\xff\xff\xff\xff", Counter64(1<<64 - 1)},
		{"Uinteger32", "\x47\x01\x07", Gauge32(7)},
		{"MikroTik's string", "\x04\x04abc", Text("abc")},
		{"an OID of nothing", "\x06\x00", Value{Type: TypeObjectID, Bytes: []byte{}}},
	} {
		v, err := parseValue([]byte(test.ber))
		require.NoError(t, err, test.name)
		require.Equal(t, test.want, v, test.name)
	}
	for _, bad := range []string{"", "\x02", "\x02\x00", "\x02\x06\x01\x01\x01\x01\x01\x01", "\x04\x05abc", "\x04\x84\xff\xff\xff\xff", "\x99\x00", "\x02\x01\x01\x00", "\x04\x80"} {
		_, err := parseValue([]byte(bad))
		require.ErrorIs(t, err, errMalformed, "%x", bad)
	}
}

func TestNumbersAreShort(t *testing.T) {
	for n, want := range map[int64]int{0: 1, 127: 1, 128: 2, -128: 1, -129: 2, 32767: 2, 32768: 3, 1<<31 - 1: 4, 1<<32 - 1: 5} {
		require.Len(t, appendInt(nil, TypeInteger, n), 2+want, "%d", n)
	}
}
