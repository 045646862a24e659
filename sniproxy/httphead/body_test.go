package httphead_test

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/sniproxy/httphead"
)

func TestChunked(t *testing.T) {
	for _, c := range chunked {
		t.Run(c.name, func(t *testing.T) {
			body := chunkedBody(t)
			n, err := body.Next([]byte(c.raw))
			if !c.ok {
				requireStatus(t, err, 400)
				require.False(t, body.Done())
				return
			}
			require.NoError(t, err)
			require.Equal(t, "REST", c.raw[n:])
			require.True(t, body.Done())
			require.NoError(t, body.End())
			n, err = body.Next([]byte("REST"))
			require.NoError(t, err)
			require.Zero(t, n, "what follows the end is not the body's")
		})
	}
}

// Whatever the pieces, the chunks end at the same byte, or are refused at it.
func TestChunkedInPieces(t *testing.T) {
	for _, c := range chunked {
		t.Run(c.name, func(t *testing.T) {
			b := []byte(c.raw)
			begin := chunkedBody(t)
			whole := begin
			want, wantErr := whole.Next(b)
			for cut := 1; cut < min(len(b), 300); cut++ {
				body := begin
				n, err := body.Next(b[:cut])
				if err == nil && !body.Done() {
					if n != cut || !errors.Is(body.End(), io.ErrUnexpectedEOF) {
						t.Fatalf("cut after %d bytes: %d", cut, n)
					}
					var m int
					m, err = body.Next(b[cut:])
					n += m
				}
				if n != want || fmt.Sprint(err) != fmt.Sprint(wantErr) {
					t.Fatalf("cut after %d bytes: %d, %v", cut, n, err)
				}
			}
			body := begin
			n := 0
			var err error
			for n < len(b) && err == nil && !body.Done() {
				var m int
				m, err = body.Next(b[n : n+1])
				n += m
			}
			require.Equal(t, want, n)
			require.Equal(t, wantErr, err)
		})
	}
}

// Data may be moved without being looked at, framing may not.
func TestBodySkip(t *testing.T) {
	body := chunkedBody(t)
	require.Zero(t, body.Certain())
	_, err := body.Next([]byte("1"))
	require.NoError(t, err)
	require.Zero(t, body.Certain(), "the size is not complete")
	n, err := body.Next([]byte("0\r\nab"))
	require.NoError(t, err)
	require.Equal(t, 5, n)
	require.EqualValues(t, 14, body.Certain())
	body.Skip(13)
	require.EqualValues(t, 1, body.Certain())
	body.Skip(100) // no more than was certain
	require.Zero(t, body.Certain())
	n, err = body.Next([]byte("\r\n0\r\n\r\nREST"))
	require.NoError(t, err)
	require.Equal(t, 7, n)
	require.True(t, body.Done())
	require.Zero(t, body.Certain())
}

func TestBodyLength(t *testing.T) {
	body := parse(t, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n").Body
	length, ok := body.Length()
	require.True(t, ok)
	require.EqualValues(t, 10, length)
	require.False(t, body.Chunked() || body.UntilClose() || body.Done())
	n, err := body.Next([]byte("abc"))
	require.NoError(t, err)
	require.Equal(t, 3, n)
	require.EqualValues(t, 7, body.Certain())
	body.Skip(5)
	require.ErrorIs(t, body.End(), io.ErrUnexpectedEOF)
	n, err = body.Next([]byte("dee"))
	require.NoError(t, err)
	require.Equal(t, 2, n)
	require.True(t, body.Done())
	require.NoError(t, body.End())
}

func TestBodyNone(t *testing.T) {
	var body httphead.Body
	require.True(t, body.Done())
	n, err := body.Next([]byte("x"))
	require.NoError(t, err)
	require.Zero(t, n)
	require.Zero(t, body.Certain())
	body.Skip(1)
	require.NoError(t, body.End())
	_, ok := body.Length()
	require.False(t, ok)
}

func TestBodyUntilClose(t *testing.T) {
	body := respond(t, "HTTP/1.1 200 OK\r\n\r\n", httphead.Exchange{}).Body
	require.True(t, body.UntilClose())
	require.Equal(t, int64(math.MaxInt64), body.Certain())
	n, err := body.Next([]byte(strings.Repeat("x", 1000)))
	require.NoError(t, err)
	require.Equal(t, 1000, n)
	body.Skip(1 << 30)
	require.False(t, body.Done())
	require.NoError(t, body.End())
}

// A backend's bad chunk is not the client's fault.
func TestBodyOfResponse(t *testing.T) {
	body := respond(t, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", httphead.Exchange{}).Body
	n, err := body.Next([]byte("1\r\nab"))
	requireStatus(t, err, 502)
	require.Equal(t, 4, n)
}

// An upload of many chunks may have extensions for as long as it lasts.
func TestChunkedExtensionsPaidFor(t *testing.T) {
	body := chunkedBody(t)
	chunk := []byte("64;" + strings.Repeat("a", 50) + "\r\n" + strings.Repeat("b", 100) + "\r\n")
	for range 10000 {
		n, err := body.Next(chunk)
		require.NoError(t, err)
		require.Len(t, chunk, n)
	}
	free := chunkedBody(t)
	chunk = []byte("1;" + strings.Repeat("a", 50) + "\r\nb\r\n")
	for range 1000 {
		if _, err := free.Next(chunk); err != nil {
			return
		}
	}
	require.Fail(t, "extensions without data were never refused")
}
