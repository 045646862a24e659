package main

import (
	"context"
	"encoding/pem"
	"errors"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/acme/acmetest"
	"github.com/mythic-beasts/hostkit/internal/pebbletest"
)

func TestMedian(t *testing.T) {
	require.Zero(t, median(nil))
	require.InDelta(t, 2, median([]float64{3, 1, 2}), 0)
	require.InDelta(t, 2.5, median([]float64{4, 1, 2, 3}), 0)
	require.Equal(t, "2 (1 to 3)", spread([]float64{3, 1, 2}))
	require.Equal(t, "3", spread([]float64{3}))
	require.Equal(t, " (goal: at least 20: NO)", goal("at least", 20, false))
	require.Empty(t, goal("at least", 0, false))
	require.Equal(t, []float64{2}, ratios([]cost{{Seconds: 4}}, []cost{{Seconds: 2}}, seconds))
}

// What failed is counted, and what it cost is for each certificate.
func TestMeasure(t *testing.T) {
	errFull := errors.New("full")
	j := job{Certificates: 10, AtOnce: 3, Names: 2}
	c := j.measure(t.Context(), func(_ context.Context, names []string) error {
		if names[1] == "c7-n1.example.com" {
			return errFull
		}
		return nil
	})
	require.Equal(t, 1, c.Failed)
	require.Contains(t, c.FirstError, "full")
	require.Positive(t, c.Allocations)
}

// Both clients get a certificate from the authority that they are measured at. lego's
// waits, so that there is one.
func TestClients(t *testing.T) {
	d := acmetest.NewDNS(t, acmetest.DNSOptions{})
	p := pebbletest.New(t, pebbletest.Options{DNS: d.Addr()})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	go acceptEdits(l, d)
	w := &world{
		Directory: p.URL(), DNS: d.Addr(), Edit: l.Addr().String(),
		Root: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.ServerCertificate().Raw})),
	}
	for name, make := range map[string]func(context.Context, *world) (obtain, error){"ours": newOurs, "lego": newLego} {
		get, err := make(t.Context(), w)
		require.NoError(t, err, name)
		require.NoError(t, get(t.Context(), []string{name + ".example.com"}))
		require.Empty(t, d.TXT("_acme-challenge."+name+".example.com."))
	}
}

func TestPresents(t *testing.T) {
	for _, name := range []string{"ours", "ours, by the solver", "lego"} {
		_, logins, err := presentAll(t.Context(), name, 3)
		require.NoError(t, err, name)
		require.Equal(t, name == "lego", logins > 1)
	}
	requests, _, err := coalesceOnce(t.Context(), 20)
	require.NoError(t, err)
	require.LessOrEqual(t, requests, 6)
}
