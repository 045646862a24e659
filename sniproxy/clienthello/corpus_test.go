package clienthello_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/sniproxy/clienthello"
	"github.com/mythic-beasts/hostkit/sniproxy/sniproxytest"
)

// arrive parses what arrives in pieces of n bytes and returns the outcome, with
// how many bytes it took.
func arrive(p *clienthello.Parser, b []byte, n int, info *clienthello.Info) (clienthello.Status, int, error) {
	for at := 0; at < len(b); at += n {
		status, err := p.Parse(b[:min(at+n, len(b))], info)
		if status != clienthello.NeedMore {
			return status, min(at+n, len(b)), err
		}
	}
	return clienthello.NeedMore, len(b), nil
}

func TestCorpus(t *testing.T) {
	require.GreaterOrEqual(t, len(sniproxytest.Corpus()), 31)
	for _, c := range sniproxytest.Corpus() {
		t.Run(c.Name, func(t *testing.T) {
			b := c.Bytes()
			before := bytes.Clone(b)
			for _, piece := range []int{len(b) + 1, 1, 5, 100, 1460} {
				p := clienthello.Parser{Limits: clienthello.Limits{Max: c.Max}}
				var info clienthello.Info
				status, _, err := arrive(&p, b, piece, &info)
				requireOutcome(t, c, status, &info, err)
			}
			require.Equal(t, before, b, "the bytes that are forwarded stay as they were")
		})
	}
}

func requireOutcome(t *testing.T, c sniproxytest.Case, status clienthello.Status, info *clienthello.Info, err error) {
	t.Helper()
	switch c.Outcome {
	case sniproxytest.Refused:
		require.Equal(t, clienthello.Malformed, status)
		var e *clienthello.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, c.Reason, e.Reason)
	case sniproxytest.Incomplete:
		require.NoError(t, err)
		require.Equal(t, clienthello.NeedMore, status)
	default:
		require.NoError(t, err)
		require.Equal(t, clienthello.Complete, status)
		require.Equal(t, c.ServerName, string(info.ServerName))
	}
}

func TestLargeHelloNeedsALimit(t *testing.T) {
	large := 0
	for _, c := range sniproxytest.Corpus() {
		if c.Max == 0 {
			continue
		}
		large++
		var p clienthello.Parser
		var info clienthello.Info
		status, took, err := arrive(&p, c.Bytes(), 1, &info)
		require.Equal(t, clienthello.Malformed, status, c.Name)
		require.EqualError(t, err, "clienthello: larger than allowed")
		require.Equal(t, 9, took, "it is refused at its header, before anything is buffered")
	}
	require.Equal(t, 2, large)
}
