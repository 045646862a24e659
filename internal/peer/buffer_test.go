package peer

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBufferKeepsTheTail(t *testing.T) {
	b := newBuffer()
	line := strings.Repeat("x", 1<<16)
	for range 3 * bufferLimit / len(line) {
		_, err := b.Write([]byte(line))
		require.NoError(t, err)
	}
	_, err := b.Write([]byte("the end"))
	require.NoError(t, err)
	require.LessOrEqual(t, len(b.String()), bufferLimit)
	require.True(t, strings.HasSuffix(b.String(), "the end"))
}
