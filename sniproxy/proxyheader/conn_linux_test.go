package proxyheader_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/peer"
)

// bytesRead is how much the process has read by system calls; what splice moves
// does not count.
func bytesRead(t *testing.T) int64 {
	t.Helper()
	io, err := os.ReadFile("/proc/self/io")
	if err != nil {
		peer.Skip(t, "the kernel does not count system calls' bytes: %v", err)
	}
	var n int64
	_, err = fmt.Sscanf(string(io), "rchar: %d", &n)
	require.NoError(t, err)
	return n
}

// A copy between two connections of the Listener stays within the kernel: only
// the origin, which is this process too, reads the bytes.
func TestConnSplices(t *testing.T) {
	l, _ := listen(t)
	in, client := pair(t, l, line)
	out, origin := pair(t, l, line)
	payload := bytes.Repeat([]byte("0123456789abcdef"), 1<<19) // 8 MiB
	before := bytesRead(t)
	done := make(chan error, 2)
	go func() {
		_, err := client.Write(payload)
		done <- errors.Join(err, client.CloseWrite())
	}()
	go func() {
		_, err := io.Copy(out, in)
		done <- errors.Join(err, out.CloseWrite())
	}()
	n, err := io.Copy(io.Discard, struct{ io.Reader }{origin})
	require.NoError(t, err)
	require.NoError(t, errors.Join(<-done, <-done))
	require.Equal(t, int64(len(payload)), n)
	read := bytesRead(t) - before
	require.GreaterOrEqual(t, read, n, "the origin read all")
	require.Less(t, read, n*3/2, "the copy read them too, so it did not splice")
}
