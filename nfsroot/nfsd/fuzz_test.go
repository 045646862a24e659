package nfsd

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzRecord reads records, and calls in them, from any bytes.
func FuzzRecord(f *testing.F) {
	call := binary.BigEndian.AppendUint32(nil, lastFragment|44)
	for _, v := range []uint32{1, 0, 2, programNFS, 3, procGetAttr, 0, 0, 0, 0, 0} {
		call = binary.BigEndian.AppendUint32(call, v)
	}
	f.Add(call)
	f.Add(append([]byte{0, 0, 0, 4, 0, 0, 0, 1}, call...))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff})
	f.Add([]byte{0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		r := bufio.NewReaderSize(bytes.NewReader(b), 16)
		for {
			reserved := 0
			rec, err := readRecord(r, func(size int) ([]byte, error) {
				reserved += size
				return make([]byte, 0, size), nil
			})
			require.LessOrEqual(t, reserved, maxRecord)
			if err != nil {
				return
			}
			require.LessOrEqual(t, len(rec), reserved)
			d := decoder{b: rec}
			h, err := parseHeader(&d)
			if err != nil {
				continue
			}
			require.LessOrEqual(t, len(h.credential.groups), maxGroups)
			require.LessOrEqual(t, len(d.b), len(rec))
		}
	})
}

// FuzzHandle: what is parsed is what was built, and nothing passes for it.
func FuzzHandle(f *testing.F) {
	seal := newSealer(make([]byte, KeySize))
	good := handle{kind: 1, export: 2, root: 3, volume: 4, file: []byte("12345678")}.body(nil)
	mac := seal.mac(good, "/srv/pi1")
	f.Add(append(good, mac[:]...))
	f.Add([]byte{1})
	f.Add(bytes.Repeat([]byte{1}, 64))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, body, sum, err := parseHandle(b)
		if err != nil {
			require.ErrorIs(t, err, errHandle)
			return
		}
		require.LessOrEqual(t, len(h.file), maxKernelHandle)
		require.Equal(t, body, h.body(nil))
		require.Equal(t, b, append(bytes.Clone(body), sum...))
		want := seal.mac(body, "/srv/pi1")
		if bytes.Equal(want[:], sum) {
			require.Equal(t, good, body, "only one was made")
		}
		require.NotEqual(t, want, seal.mac(body, "/srv/pi2"))
	})
}

// FuzzDecoder takes apart by any plan, and comes to no more than there is.
func FuzzDecoder(f *testing.F) {
	f.Add([]byte{0, 0, 0, 3, 'a', 'b', 'c', 0, 0, 0, 0, 1}, []byte{3, 0})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff}, []byte{3})
	f.Fuzz(func(t *testing.T, b, plan []byte) {
		d := decoder{b: b}
		for _, what := range plan {
			switch what % 4 {
			case 0:
				d.uint32()
			case 1:
				d.uint64()
			case 2:
				d.fixed(int(what))
			case 3:
				require.LessOrEqual(t, len(d.opaque(int(what))), int(what))
			}
			require.Equal(t, b[len(b)-len(d.b):], d.b)
		}
		var e encoder
		e.opaque(b)
		e.uint64(42)
		back := decoder{b: e.b}
		require.Equal(t, string(b), back.string(len(b)))
		require.EqualValues(t, 42, back.uint64())
		require.False(t, back.bad)
		require.Empty(t, back.b)
	})
}
