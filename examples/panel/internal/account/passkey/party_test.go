package passkey_test

import (
	"encoding/json"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/account"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/account/passkey"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/audit"
)

var (
	home     = netip.MustParseAddr("192.0.2.7")
	password = daemon.NewSecret("four words and more")
)

// rig is a store with passkeys, in which alice is logged in.
type rig struct {
	*account.Store
	t   *testing.T
	who account.Identity
}

func newRig(t *testing.T, o account.Options) *rig {
	t.Helper()
	party, err := passkey.New(passkey.Options{
		ID: "panel.example.net", Name: "The panel",
		Origins: []string{"https://panel.example.net", "https://other.panel.example.net:8443"},
	})
	require.NoError(t, err)
	o.Passkeys, o.Hash = party, account.Cost{Time: 1, Memory: 64, Threads: 1}
	store, err := account.Open(o)
	require.NoError(t, err)
	t.Cleanup(func() { store.Close() })
	r := &rig{Store: store, t: t}
	require.NoError(t, store.Add(t.Context(), account.System(), "alice", account.Operator, password))
	s, err := store.Login(t.Context(), account.Attempt{Name: "alice", Password: password, Addr: home})
	require.NoError(t, err)
	r.who, err = store.Session(t.Context(), s.Token, home)
	require.NoError(t, err)
	return r
}

func (r *rig) register(a *authenticator) (account.Passkey, error) {
	r.t.Helper()
	c, err := r.BeginPasskey(r.t.Context(), r.who)
	require.NoError(r.t, err)
	return r.AddPasskey(r.t.Context(), r.who, c.ID, "a test", a.create(c.Options))
}

func (r *rig) enter(a *authenticator) (account.Session, error) {
	r.t.Helper()
	c, err := r.BeginPasskeyLogin(r.t.Context(), home)
	require.NoError(r.t, err)
	return r.PasskeyLogin(r.t.Context(), c.ID, a.get(c.Options), home)
}

func TestCeremonies(t *testing.T) {
	name := t.TempDir() + "/accounts.json"
	r := newRig(t, account.Options{File: name})
	a := newAuthenticator(t)
	made, err := r.register(a)
	require.NoError(t, err)
	require.False(t, made.Synced)
	for range 3 {
		s, err := r.enter(a)
		require.NoError(t, err)
		require.Equal(t, "alice", s.Name)
		require.Equal(t, audit.Passkey, s.By)
	}
	synced := newAuthenticator(t)
	synced.backed = true
	made, err = r.register(synced)
	require.NoError(t, err)
	require.True(t, made.Synced)
	_, err = r.enter(synced)
	require.NoError(t, err)

	// What is kept is enough for the next start.
	require.NoError(t, r.Close())
	party, err := passkey.New(passkey.Options{ID: "panel.example.net", Origins: []string{"https://panel.example.net"}})
	require.NoError(t, err)
	r.Store, err = account.Open(account.Options{File: name, Passkeys: party, Hash: account.Cost{Time: 1, Memory: 64, Threads: 1}})
	require.NoError(t, err)
	defer r.Close()
	_, err = r.enter(a)
	require.NoError(t, err)
	a.count--
	_, err = r.enter(a)
	require.ErrorIs(t, err, account.ErrClone, "the counter was kept")
}

func TestOptionsForBrowsers(t *testing.T) {
	r := newRig(t, account.Options{})
	a := newAuthenticator(t)
	_, err := r.register(a)
	require.NoError(t, err)
	c, err := r.BeginPasskey(t.Context(), r.who)
	require.NoError(t, err)
	var create struct {
		PublicKey struct {
			RP                     struct{ ID, Name string }
			User                   struct{ Name string }
			Attestation            string
			ExcludeCredentials     []struct{ ID string }
			AuthenticatorSelection struct{ ResidentKey, UserVerification string }
		}
	}
	require.NoError(t, json.Unmarshal(c.Options, &create))
	o := create.PublicKey
	require.Equal(t, "panel.example.net", o.RP.ID)
	require.Equal(t, "The panel", o.RP.Name)
	require.Equal(t, "alice", o.User.Name)
	require.Equal(t, "required", o.AuthenticatorSelection.ResidentKey)
	require.Equal(t, "required", o.AuthenticatorSelection.UserVerification)
	require.Contains(t, []string{"", "none"}, o.Attestation)
	require.Len(t, o.ExcludeCredentials, 1)
	require.Equal(t, b64.EncodeToString(a.id), o.ExcludeCredentials[0].ID)

	c, err = r.BeginPasskeyLogin(t.Context(), home)
	require.NoError(t, err)
	var get struct {
		PublicKey struct {
			RPID, UserVerification string
			AllowCredentials       []any
		}
	}
	require.NoError(t, json.Unmarshal(c.Options, &get))
	require.Equal(t, "panel.example.net", get.PublicKey.RPID)
	require.Equal(t, "required", get.PublicKey.UserVerification)
	require.Empty(t, get.PublicKey.AllowCredentials, "nobody is told whose keys there are")
}

// lies are what a browser or authenticator may say that is not so.
var lies = map[string]func(a *authenticator){
	"another origin":       func(a *authenticator) { a.origin = "https://evil.example" },
	"a neighbour's origin": func(a *authenticator) { a.origin = "https://x.panel.example.net" },
	"another port":         func(a *authenticator) { a.origin = "https://panel.example.net:444" },
	"without TLS":          func(a *authenticator) { a.origin = "http://panel.example.net" },
	"another party":        func(a *authenticator) { a.party = "evil.example" },
	"unverified user":      func(a *authenticator) { a.unverified = true },
	"another challenge":    func(a *authenticator) { a.challenge = b64.EncodeToString(make([]byte, 32)) },
	"another ceremony":     func(a *authenticator) { a.kind = "payment.get" },
	"in a frame":           func(a *authenticator) { a.crossOrigin = true },
}

func TestLies(t *testing.T) {
	for name, lie := range lies {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, account.Options{})
			liar := newAuthenticator(t)
			lie(liar)
			_, err := r.register(liar)
			require.ErrorIs(t, err, account.ErrInvalid)

			a := newAuthenticator(t)
			_, err = r.register(a)
			require.NoError(t, err)
			lie(a)
			_, err = r.enter(a)
			require.ErrorIs(t, err, account.ErrLogin)
		})
	}
	for name, lie := range map[string]func(a *authenticator){
		"another's signature": func(a *authenticator) { a.key = newAuthenticator(t).key },
		"a spoilt signature":  func(a *authenticator) { a.spoil = true },
		"another key":         func(a *authenticator) { a.id = newAuthenticator(t).id },
		"another's handle":    func(a *authenticator) { a.handle = make([]byte, 32) },
		"no handle":           func(a *authenticator) { a.handle = nil },
		"backed up suddenly":  func(a *authenticator) { a.backed = true },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, account.Options{})
			a := newAuthenticator(t)
			_, err := r.register(a)
			require.NoError(t, err)
			lie(a)
			_, err = r.enter(a)
			require.ErrorIs(t, err, account.ErrLogin)
		})
	}
}

func TestSecondOrigin(t *testing.T) {
	r := newRig(t, account.Options{})
	a := newAuthenticator(t)
	a.origin = "https://other.panel.example.net:8443"
	_, err := r.register(a)
	require.NoError(t, err)
	_, err = r.enter(a)
	require.NoError(t, err)
}

func TestReplay(t *testing.T) {
	r := newRig(t, account.Options{})
	a := newAuthenticator(t)
	_, err := r.register(a)
	require.NoError(t, err)
	c, err := r.BeginPasskeyLogin(t.Context(), home)
	require.NoError(t, err)
	response := a.get(c.Options)
	_, err = r.PasskeyLogin(t.Context(), c.ID, response, home)
	require.NoError(t, err)
	_, err = r.PasskeyLogin(t.Context(), c.ID, response, home)
	require.ErrorIs(t, err, account.ErrExpired)
	c, err = r.BeginPasskeyLogin(t.Context(), home)
	require.NoError(t, err)
	_, err = r.PasskeyLogin(t.Context(), c.ID, response, home)
	require.ErrorIs(t, err, account.ErrLogin)
}

func TestTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, account.Options{})
		a := newAuthenticator(t)
		c, err := r.BeginPasskey(t.Context(), r.who)
		require.NoError(t, err)
		<-time.After(5*time.Minute + time.Second)
		_, err = r.AddPasskey(t.Context(), r.who, c.ID, "", a.create(c.Options))
		require.ErrorIs(t, err, account.ErrExpired)
	})
}

func TestOptions(t *testing.T) {
	for name, o := range map[string]passkey.Options{
		"nothing":               {},
		"no origin":             {ID: "panel.example.net"},
		"no ID":                 {Origins: []string{"https://panel.example.net"}},
		"no origin form":        {ID: "panel.example.net", Origins: []string{"https://panel.example.net/"}},
		"no TLS":                {ID: "panel.example.net", Origins: []string{"http://panel.example.net"}},
		"not under it":          {ID: "panel.example.net", Origins: []string{"https://evilpanel.example.net"}},
		"rubbish":               {ID: "panel.example.net", Origins: []string{"://"}},
		"an ID that is no host": {ID: "https://panel.example.net", Origins: []string{"https://panel.example.net"}},
	} {
		_, err := passkey.New(o)
		require.Error(t, err, name)
	}
	_, err := passkey.New(passkey.Options{ID: "localhost", Origins: []string{"http://localhost:8480"}})
	require.NoError(t, err)
}

// Whatever a browser answers, it is refused without a panic.
func FuzzResponses(f *testing.F) {
	party, err := passkey.New(passkey.Options{ID: "panel.example.net", Origins: []string{"https://panel.example.net"}})
	require.NoError(f, err)
	holder := account.Holder{Handle: make([]byte, 32), Name: "alice"}
	a := newAuthenticator(&testing.T{})
	options, created, err := party.BeginCreate(holder)
	require.NoError(f, err)
	good := a.create(options)
	c, err := party.FinishCreate(holder, created, good)
	require.NoError(f, err)
	holder.Credentials = []account.Credential{c}
	options, got, err := party.BeginGet()
	require.NoError(f, err)
	f.Add([]byte(good))
	f.Add([]byte(a.get(options)))
	f.Add([]byte(`{}`))
	other, state, err := party.BeginGet()
	require.NoError(f, err)
	require.NotEqual(f, options, other)
	f.Fuzz(func(t *testing.T, data []byte) {
		_, _ = party.FinishCreate(holder, created, data)
		_, _ = party.FinishGet(got, data, func([]byte) (account.Holder, error) { return holder, nil })
		_, err := party.FinishGet(state, data, func([]byte) (account.Holder, error) { return holder, nil })
		require.Error(t, err, "nobody has signed this challenge")
	})
}
