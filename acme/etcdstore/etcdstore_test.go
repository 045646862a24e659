package etcdstore_test

import (
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io/fs"
	"math/big"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/acme"
	"github.com/mythic-beasts/hostkit/acme/acmetest"
	"github.com/mythic-beasts/hostkit/acme/etcdstore"
	"github.com/mythic-beasts/hostkit/acme/renew"
	"github.com/mythic-beasts/hostkit/internal/etcdtest"
)

const (
	name  = "a.example"
	limit = time.Minute // for what takes as long as the machine is busy
	often = 20 * time.Millisecond
)

// open opens the store that the nodes share.
func open(t testing.TB, c *etcdtest.Cluster) *etcdstore.Store {
	s, err := etcdstore.New(etcdstore.Options{Endpoints: c.Endpoints(), Prefix: "/nodes/", LockTTL: 2 * time.Second, Timeout: 5 * time.Second})
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// due is a certificate of which most of the life is over.
func due(t testing.TB) *renew.Bundle {
	key, err := acme.NewKey(acme.EC256)
	require.NoError(t, err)
	text, err := acme.MarshalKey(key)
	require.NoError(t, err)
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "leaf"}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-80 * 24 * time.Hour), NotAfter: time.Now().Add(10 * 24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, leaf, key.Public(), key)
	require.NoError(t, err)
	return &renew.Bundle{KeyPEM: text, ChainPEM: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
}

// stored is the serial number of the certificate in the store.
func stored(t testing.TB, s renew.Store) string {
	b, err := s.Load(t.Context(), name)
	require.NoError(t, err)
	leaf, err := b.Leaf()
	require.NoError(t, err)
	return leaf.SerialNumber.String()
}

// node is a manager and what it told.
type node struct {
	*renew.Manager

	mu    sync.Mutex
	kinds []renew.Kind
}

func (n *node) told(kind renew.Kind) (count int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, k := range n.kinds {
		if k == kind {
			count++
		}
	}
	return count
}

// serial is that of the certificate that the node serves, or "".
func (n *node) serial() string {
	c, err := n.GetCertificate(hello)
	if err != nil {
		return ""
	}
	return c.Leaf.SerialNumber.String()
}

func manage(t testing.TB, i renew.Issuer, s renew.Store) *node {
	n := &node{Manager: &renew.Manager{Issuer: i, Solver: solver{}, Store: s}}
	n.OnEvent = func(ev renew.Event) {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.kinds = append(n.kinds, ev.Kind)
	}
	require.NoError(t, n.Add(name, acme.Request{Names: []string{name}}))
	var run sync.WaitGroup
	ctx := t.Context()
	run.Go(func() { _ = n.Run(ctx) })
	t.Cleanup(run.Wait) // the test's context has ended by then
	return n
}

// Of three managers that find a certificate due one renews it, the others adopt it.
func TestRealManagers(t *testing.T) {
	cluster := etcdtest.Start(t, etcdtest.Options{Members: 3})
	gate := newGate()
	ca := acmetest.NewCA(t, acmetest.CAOptions{Validate: gate.wait})
	shared := open(t, cluster)
	require.NoError(t, shared.Commit(t.Context(), name, due(t)))
	_, err := shared.LoadState(t.Context(), name)
	require.ErrorIs(t, err, fs.ErrNotExist)

	key, err := acme.NewKey(acme.EC256)
	require.NoError(t, err)
	var nodes []*node
	for range 3 {
		nodes = append(nodes, manage(t, client(ca, key), open(t, cluster)))
	}
	for _, n := range nodes {
		require.Eventually(t, func() bool { return n.serial() == "1" }, limit, often)
	}
	gate.open()
	want := ""
	for _, n := range nodes {
		require.Eventually(t, func() bool { return n.told(renew.Renewed)+n.told(renew.Adopted) == 1 }, limit, often)
		require.NotEqual(t, "1", n.serial())
		if want == "" {
			want = n.serial()
		}
		require.Equal(t, want, n.serial())
	}
	require.Equal(t, 1, nodes[0].told(renew.Renewed)+nodes[1].told(renew.Renewed)+nodes[2].told(renew.Renewed))
	require.Equal(t, want, stored(t, shared))
	require.Len(t, ca.Issued(), 1)
}

// While etcd is away certificates are served, nothing is ordered and Status says why.
func TestRealAway(t *testing.T) {
	cluster := etcdtest.Start(t, etcdtest.Options{})
	ca := acmetest.NewCA(t, acmetest.CAOptions{})
	key, err := acme.NewKey(acme.EC256)
	require.NoError(t, err)
	n := manage(t, client(ca, key), open(t, cluster))
	require.Eventually(t, func() bool { return n.told(renew.Issued) == 1 }, limit, often)
	first := n.serial()

	cluster.Members[0].Kill(t)
	require.NoError(t, n.Renew(name))
	require.Eventually(t, func() bool { return n.told(renew.StoreFailed) > 1 }, limit, often)
	require.Equal(t, first, n.serial())
	require.Len(t, ca.Issued(), 1)
	require.Contains(t, n.Status()[0].Words, "valid until")
	require.Contains(t, n.Status()[0].Words, "etcd")
	require.Zero(t, n.told(renew.Failed))

	cluster.Members[0].Restart(t)
	require.Eventually(t, func() bool { return n.told(renew.Renewed) == 1 }, 2*limit, often)
	require.NotEqual(t, first, n.serial())
	require.Len(t, ca.Issued(), 2)
}

func TestNewRefuses(t *testing.T) {
	_, err := etcdstore.New(etcdstore.Options{})
	require.ErrorContains(t, err, "endpoints")
	s, err := etcdstore.New(etcdstore.Options{Endpoints: []string{"http://127.0.0.1:1"}})
	require.NoError(t, err)
	require.NoError(t, s.Close())
	require.NoError(t, s.Close())
	_, err = s.Load(t.Context(), name)
	require.ErrorIs(t, err, fs.ErrClosed)
}
