package epp_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/dnssec/parent/epp"
	"github.com/mythic-beasts/hostkit/dnssec/rotate"
)

// stream is what a server sends, whatever it is sent.
type stream struct {
	net.Conn
	data []byte
}

func (s *stream) Read(p []byte) (int, error) {
	if len(s.data) == 0 {
		return 0, io.EOF
	}
	n := copy(p, s.data)
	s.data = s.data[n:]
	return n, nil
}

func frame(text string) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(text)+4)), text...)
}

// FuzzReply: whatever data units a server sends, decoding ends without a panic, in a
// greeting or a response with a result, or in an error.
func FuzzReply(f *testing.F) {
	f.Add(frame(`<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><response><result code="1000"><msg>ok</msg></result><trID><svTRID>1</svTRID></trID></response></epp>`))
	f.Add(frame(`<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><greeting><svID>x</svID></greeting></epp>`))
	f.Add(frame(`<!DOCTYPE x><epp/>`))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 1})
	f.Add([]byte{0, 0, 0, 4})
	f.Fuzz(func(t *testing.T, data []byte) {
		code, err := epp.ReadReply(&stream{data: data})
		if err == nil {
			return
		}
		var refused *epp.ResultError
		if errors.As(err, &refused) {
			require.Equal(t, refused.Code, code)
			require.True(t, code < 1000 || code >= 2000)
		}
	})
}

// A server that announces much and sends little costs little.
func TestFrames(t *testing.T) {
	for _, data := range [][]byte{nil, {0, 0, 0}, {0, 0, 0, 0}, {0, 0, 0, 4}, {0xff, 0xff, 0xff, 0xff}, {0, 0x10, 0, 0, 1, 2}} {
		_, err := epp.ReadReply(&stream{data: data})
		require.Error(t, err)
	}
	c := &epp.Client{Addr: "[::1]", Dial: func(_ context.Context, network, address string) (net.Conn, error) {
		require.Equal(t, "tcp", network)
		require.Equal(t, "[::1]:700", address, "the port of EPP")
		return nil, net.ErrClosed
	}}
	require.ErrorIs(t, c.Submit(t.Context(), zone, nil, []rotate.DS{digest(1)}), net.ErrClosed)
}
