package telnet

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func started(serial *Serial) *machine {
	m := &machine{serial: serial, timeout: time.Second}
	m.start(time.Unix(0, 0))
	m.out = nil
	return m
}

// No mix of wishes makes two ends of an option talk for ever, whatever each
// agrees to, and both come to the same end.
func TestNegotiationNeverLoops(t *testing.T) {
	for wishes := range 64 {
		agreeA, agreeB := wishes&1 != 0, wishes&2 != 0
		var a, b qState
		var toA, toB []bool
		say := func(to *[]bool, say answer) {
			if say != sayNothing {
				*to = append(*to, say == sayYes)
			}
		}
		want := func(on bool) {
			var s answer
			a, s = a.want(on)
			say(&toB, s)
		}
		for bit := 2; bit < 6; bit++ {
			want(wishes&(1<<bit) != 0)
		}
		for messages := 0; len(toA)+len(toB) > 0; messages++ {
			require.Less(t, messages, 32, "wishes %06b", wishes)
			var s answer
			if len(toB) > 0 {
				b, s = b.heard(toB[0], agreeB)
				toB = toB[1:]
				say(&toA, s)
				continue
			}
			a, s = a.heard(toA[0], agreeA)
			toA = toA[1:]
			say(&toB, s)
		}
		require.Equal(t, a, b, "wishes %06b", wishes)
		require.Equal(t, agreeB && wishes&32 != 0, a == qYes, "the last wish holds, if the other agrees: %06b", wishes)
	}
}

func TestBytesOfTheLine(t *testing.T) {
	for _, tt := range []struct {
		name, wire, want string
		binary           bool
	}{
		{"plain", "ls\r\n", "ls\r\n", false},
		{"a lone CR", "a\r\x00b\x00", "a\rb\x00", false},
		{"a NUL after CR in BINARY mode", "\r\x00", "\r\x00", true},
		{"doubled", "a\xff\xffb", "a\xffb", false},
		{"commands between", "a\xff\xf1b\xff\xf9c", "abc", false},
		{"a refused option", "a\xff\xfd\x18b", "ab", false},
		{"a subnegotiation", "a\xff\xfa\x18\x01\xff\xff\xff\xf0b", "ab", false},
		{"a subnegotiation without its end", "a\xff\xfa\x18\x01\xff\xfd\x18b", "ab", false},
		{"a stray SE", "a\xff\xf0b", "ab", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for split := range len(tt.wire) {
				m := started(nil)
				m.decoder.binary = tt.binary
				first, second := []byte(tt.wire[:split]), []byte(tt.wire[split:])
				got := string(first[:m.receive(m.now, first)]) + string(second[:m.receive(m.now, second)])
				require.Equal(t, tt.want, got, "split at %d", split)
			}
		})
	}
}

func TestAnEndlessSubnegotiationIsBounded(t *testing.T) {
	m := started(&Serial{})
	wire := append([]byte{255, 250, 44}, bytes.Repeat([]byte{107}, 1<<20)...)
	require.Zero(t, m.receive(m.now, wire))
	require.LessOrEqual(t, cap(m.decoder.sub), 2*maxSub)
	after := []byte("\xff\xf0ok")
	require.Equal(t, 2, m.receive(m.now, after))
}

// ser2net's first words, and what it said after WILL COM-PORT-OPTION.
func TestSer2netsGreeting(t *testing.T) {
	m := started(&Serial{Baud: 57600})
	m.receive(m.now, []byte("\xff\xfb\x03\xff\xfd\x03\xff\xfb\x01\xff\xfe\x01\xff\xfd\x00\xff\xfb\x00"))
	require.Equal(t, "\xff\xfd\x01", string(m.out), "it may echo; all else answers what was asked")
	require.True(t, m.binary())
	require.True(t, m.decoder.binary)
	require.False(t, m.comPort())
	m.receive(m.now, []byte("\xff\xfd\x2c\xff\xfa\x2c\x6b\x00\xff\xf0"))
	require.True(t, m.comPort())
	require.Contains(t, m.pending, "baud rate")
	m.receive(m.now, []byte("\xff\xfa\x2c\x65\x00\x00\xe1\x00\xff\xf0"))
	require.True(t, m.due().IsZero(), "nothing is due any more")
	require.Empty(t, m.notes)
}

func TestATornWriteLosesNothing(t *testing.T) {
	data := []byte("a\xffb\r\rc\r\n\xff\xff\r")
	for _, binary := range []bool{false, true} {
		wire := appendData(nil, data, binary)
		for n := range len(wire) + 1 {
			count, rest := sent(data, n, binary)
			again := append(append(bytes.Clone(wire[:n]), rest...), appendData(nil, data[count:], binary)...)
			require.Equal(t, wire, again, "torn at %d, binary %v", n, binary)
		}
	}
}
