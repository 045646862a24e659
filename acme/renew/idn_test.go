package renew_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/acme"
	"github.com/mythic-beasts/hostkit/acme/renew"
)

// A name as people write it is the one in the certificate: it is not renewed for being
// spelt in another way.
func TestInternationalizedNames(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		ca := newIssuer(t)
		m := &renew.Manager{Issuer: ca, Solver: solver{}, Store: &renew.FileStore{Dir: dir + "/certs"}}
		require.NoError(t, m.Add("shop", acme.Request{Names: []string{"Bücher.example", "xn--bcher-kva.example."}}))
		stop := start(t, m)
		<-time.After(30 * day)
		tries, issued := ca.count()
		require.Equal(t, []int{1, 1}, []int{tries, issued})
		require.Equal(t, []string{"xn--bcher-kva.example"}, ca.requests[0].Names)
		cert, err := m.GetCertificate(hello("xn--bcher-kva.example"))
		require.NoError(t, err)
		require.Equal(t, []string{"xn--bcher-kva.example"}, cert.Leaf.DNSNames)

		require.NoError(t, m.Add("shop", acme.Request{Names: []string{"bücher.example"}}))
		<-time.After(day)
		_, issued = ca.count()
		require.Equal(t, 1, issued, "the names are the same")
		stop()
	})
}

func TestAddRefusesBadNames(t *testing.T) {
	m := &renew.Manager{Issuer: newIssuer(t), Solver: solver{}, Store: &renew.FileStore{Dir: t.TempDir()}}
	require.ErrorContains(t, m.Add("shop", acme.Request{Names: []string{"good.example", "bad name.example"}}), `"bad name.example"`)
	require.ErrorContains(t, m.Add("shop", acme.Request{}), "empty")
	require.Empty(t, m.Status())
}
