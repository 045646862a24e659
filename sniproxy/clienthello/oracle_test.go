package clienthello_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/sniproxy/clienthello"
	"github.com/mythic-beasts/hostkit/sniproxy/sniproxytest"
)

// replay is a connection on which those bytes arrive, and then nothing.
type replay struct{ *bytes.Reader }

func (replay) Write(b []byte) (int, error)      { return len(b), nil }
func (replay) Close() error                     { return nil }
func (replay) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (replay) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (replay) SetDeadline(time.Time) error      { return nil }
func (replay) SetReadDeadline(time.Time) error  { return nil }
func (replay) SetWriteDeadline(time.Time) error { return nil }

var _ net.Conn = replay{}

// oracle is what crypto/tls makes of a first flight: the hello, or an error.
func oracle(b []byte) (*tls.ClientHelloInfo, error) {
	var hello *tls.ClientHelloInfo
	enough := errors.New("enough")
	err := tls.Server(replay{bytes.NewReader(b)}, &tls.Config{
		GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
			hello = h
			return nil, enough
		},
	}).Handshake()
	if hello != nil {
		return hello, nil
	}
	if err == nil {
		err = io.ErrUnexpectedEOF
	}
	return nil, err
}

// requireAgreement: no outcome has a name that crypto/tls does not see, and
// however the bytes are cut, the outcome is the same.
func requireAgreement(t *testing.T, b []byte) {
	t.Helper()
	limits := clienthello.Limits{Max: 1 << 16}
	whole, cut := clienthello.Parser{Limits: limits}, clienthello.Parser{Limits: limits}
	var info, infoCut clienthello.Info
	status, err := whole.Parse(b, &info)
	statusCut, _, errCut := arrive(&cut, b, 1, &infoCut)
	require.Equal(t, status, statusCut)
	require.Equal(t, err, errCut)
	require.Equal(t, info.ServerName, infoCut.ServerName)
	require.Equal(t, protocols(&info), protocols(&infoCut))

	hello, refusal := oracle(b)
	if status != clienthello.Complete {
		require.True(t, info.ServerName == nil && protocols(&info) == nil, "nothing is left of a hello that is none")
		require.False(t, status == clienthello.NeedMore && refusal == nil, "a whole hello is not seen")
		return
	}
	require.Equal(t, info.Wire, infoCut.Wire)
	require.LessOrEqual(t, info.Wire, len(b))
	name := string(info.ServerName)
	if refusal != nil && name != "" { // crypto/tls refuses a trailing dot
		hello, name = withoutDot(b[:info.Wire], name)
		require.NotNil(t, hello, "%q is routed, and crypto/tls says %v", name, refusal)
		refusal = nil
	}
	require.NoError(t, refusal)
	require.True(t, strings.EqualFold(name, hello.ServerName), "%q and %q", name, hello.ServerName)
	require.Equal(t, hello.SupportedProtos, protocols(&info))
}

// withoutDot is what crypto/tls makes of the hello when the dot behind the name
// is a letter, and the name that it then must see.
func withoutDot(wire []byte, name string) (*tls.ClientHelloInfo, string) {
	var message []byte
	for len(wire) > 0 {
		end := 5 + int(wire[3])<<8 + int(wire[4])
		message, wire = append(message, wire[5:end]...), wire[end:]
	}
	for at := 0; at+len(name) < len(message); at++ {
		if message[at+len(name)] != '.' || !strings.EqualFold(name, string(message[at:at+len(name)])) {
			continue
		}
		message[at+len(name)] = 'z'
		if hello, err := oracle(records(message, 0)); err == nil && strings.EqualFold(hello.ServerName, name+"z") {
			return hello, name + "z"
		}
		message[at+len(name)] = '.'
	}
	return nil, name
}

func TestCryptoTLSAgrees(t *testing.T) {
	for _, c := range sniproxytest.Corpus() {
		t.Run(c.Name, func(t *testing.T) { requireAgreement(t, c.Bytes()) })
	}
}

// FuzzParse compares whole first flights with crypto/tls.
func FuzzParse(f *testing.F) {
	for _, c := range sniproxytest.Corpus() {
		if b := c.Bytes(); len(b) < 4000 {
			f.Add(b)
		}
	}
	f.Fuzz(requireAgreement)
}

// FuzzExtensions compares hellos whose frame is right and whose extensions are
// anything, cut into records of any length.
func FuzzExtensions(f *testing.F) {
	message := sniproxytest.HelloMessage(site, sniproxytest.HelloOptions{ECH: true, QUIC: []byte{}, EarlyData: []byte{}})
	const before = 4 + 2 + 32 + 1 + 2 + 14 + 2 + 2 // what precedes the extensions, without a session ID
	f.Add(message[before:], uint16(0))
	f.Add(message[before:before+26], uint16(3))
	f.Add([]byte("\x00\x00\x00\x08\x00\x06\x00\x00\x03a.b\x00\x10\x00\x05\x00\x03\x02h2"), uint16(9))
	f.Add([]byte("\x00\x00\x00\x09\x00\x07\x00\x00\x04a.b.\xfe\x0d\x00\x01\x01"), uint16(9))
	f.Add([]byte("\x00\x2a\x00\x00\x00\x2d\x00\x02\x01\x01\x00\x29\x00\x0f\x00\x07\x00\x01a\x00\x00\x00\x00\x00\x04\x03bbb"), uint16(7))
	f.Fuzz(func(t *testing.T, extensions []byte, record uint16) {
		if len(extensions) > 4000 {
			return
		}
		b := append(bytes.Clone(message[:before-2]), byte(len(extensions)>>8), byte(len(extensions)))
		b = append(b, extensions...)
		b[1], b[2], b[3] = 0, byte((len(b)-4)>>8), byte(len(b)-4)
		requireAgreement(t, records(b, int(record)))
	})
}

// records cuts a message into records of n bytes, or into one.
func records(message []byte, n int) []byte {
	if n == 0 || n > 1<<14 {
		n = 1 << 14
	}
	var b []byte
	for len(message) > 0 {
		n = min(n, len(message))
		b = append(b, 22, 3, 1, byte(n>>8), byte(n))
		b = append(b, message[:n]...)
		message = message[n:]
	}
	return b
}
