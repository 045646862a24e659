package nfsclient_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/nfsroot/internal/nfsclient"
)

// answer is a server that gives one body to every call, in reverse order of pairs.
func answer(t *testing.T, body []byte) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		nc, err := l.Accept()
		if err != nil {
			return
		}
		defer nc.Close()
		for {
			call, err := nfsclient.ReadRecord(nc)
			if err != nil || len(call) < 4 {
				return
			}
			reply := append(bytes.Clone(call[:4]), body...)
			nc.Write(append(binary.BigEndian.AppendUint32(nil, 1<<31|uint32(len(reply))), reply...))
		}
	}()
	return l.Addr().String()
}

func words(v ...uint32) (b []byte) {
	for _, w := range v {
		b = binary.BigEndian.AppendUint32(b, w)
	}
	return b
}

func TestReplies(t *testing.T) {
	for _, tc := range []struct {
		name string
		body []byte
		want error
	}{
		{"status", words(1, 0, 0, 0, 0, 70), nfsclient.ErrStale},
		{"garbage", words(1, 0, 0, 0, 4), &nfsclient.RPCError{Code: 4}},
		{"denied", words(1, 1, 1, 5), &nfsclient.RPCError{Denied: true, Code: 1, Detail: 5}},
		{"short", words(1, 0, 0, 0, 0, 0), io.ErrUnexpectedEOF},
		{"nothing", nil, io.ErrUnexpectedEOF},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, err := nfsclient.Dial(t.Context(), answer(t, tc.body), nfsclient.Options{})
			require.NoError(t, err)
			defer c.Close()
			_, err = c.GetAttr(t.Context(), nfsclient.Handle("handle"))
			require.Equal(t, tc.want, err)
		})
	}
}

func TestClosed(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	c, err := nfsclient.Dial(t.Context(), l.Addr().String(), nfsclient.Options{})
	require.NoError(t, err)
	nc, err := l.Accept()
	require.NoError(t, err)
	nc.Close()
	_, err = c.GetAttr(t.Context(), nil)
	require.Error(t, err)
}

func TestReadRecord(t *testing.T) {
	got, err := nfsclient.ReadRecord(bytes.NewReader([]byte{0, 0, 0, 1, 'a', 0x80, 0, 0, 2, 'b', 'c'}))
	require.NoError(t, err)
	require.Equal(t, "abc", string(got))
	_, err = nfsclient.ReadRecord(bytes.NewReader([]byte{0xff, 0, 0, 0}))
	require.Error(t, err)
}
