package account_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/account"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/audit"
)

var (
	cheap    = account.Cost{Time: 1, Memory: 64, Threads: 1}
	password = daemon.NewSecret("four words and more")
	another  = daemon.NewSecret("four other words and more")
	wrong    = daemon.NewSecret("it is not this one")
	home     = netip.MustParseAddr("192.0.2.7")
	far      = netip.MustParseAddr("198.51.100.9")
)

// rig is a store with alice and bob, who are customers, and noc, who is an operator.
type rig struct {
	*account.Store
	t   *testing.T
	log *audit.Log
}

func newRig(t *testing.T, options ...func(*account.Options)) *rig {
	t.Helper()
	log, err := audit.Open(audit.Options{})
	require.NoError(t, err)
	o := account.Options{Hash: cheap, Audit: log}
	for _, set := range options {
		set(&o)
	}
	store, err := account.Open(o)
	require.NoError(t, err)
	t.Cleanup(func() { store.Close() })
	r := &rig{store, t, log}
	for name, role := range map[string]account.Role{"alice": account.Customer, "bob": account.Customer, "noc": account.Operator} {
		require.NoError(t, store.Add(t.Context(), account.System(), name, role, password))
	}
	return r
}

func (r *rig) attempt(name string, p daemon.Secret, addr netip.Addr, device daemon.Secret) (account.Session, error) {
	return r.Login(r.t.Context(), account.Attempt{Name: name, Password: p, Addr: addr, Device: device})
}

// login logs in from home.
func (r *rig) login(name string) (account.Session, account.Identity) {
	r.t.Helper()
	s, err := r.attempt(name, password, home, daemon.Secret{})
	require.NoError(r.t, err)
	return s, r.identity(s)
}

func (r *rig) identity(s account.Session) account.Identity {
	r.t.Helper()
	who, err := r.Session(r.t.Context(), s.Token, home)
	require.NoError(r.t, err)
	return who
}

// over requires that a session is over.
func (r *rig) over(s account.Session) {
	r.t.Helper()
	_, err := r.Session(r.t.Context(), s.Token, home)
	require.ErrorIs(r.t, err, account.ErrExpired)
}

// latest is the latest entry of the audit log.
func (r *rig) latest() audit.Entry {
	r.t.Helper()
	entries, err := r.log.Query(r.t.Context(), audit.Filter{Viewer: audit.Viewer{Operator: true}, Limit: 1})
	require.NoError(r.t, err)
	require.Len(r.t, entries, 1)
	return entries[0]
}
