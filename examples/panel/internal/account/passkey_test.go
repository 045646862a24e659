package account_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/account"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/audit"
)

// said is what a browser says to the ceremonies of these tests. The real ones are those of
// package passkey.
type said struct {
	Challenge string
	ID        []byte
	Handle    []byte
	Count     int
}

// ceremonies believe what they are told, once for each challenge.
type ceremonies struct {
	mu   sync.Mutex
	next int
}

func (c *ceremonies) begin(handle []byte) (options, state json.RawMessage, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.next++
	state, err = json.Marshal(said{Challenge: fmt.Sprint("challenge ", c.next), Handle: handle})
	return state, state, err
}

func (c *ceremonies) BeginCreate(p account.Holder) (options, state json.RawMessage, err error) {
	return c.begin(p.Handle)
}

func (c *ceremonies) BeginGet() (options, state json.RawMessage, err error) { return c.begin(nil) }

func check(state, response json.RawMessage) (s said, err error) {
	var remembered said
	if err := errors.Join(json.Unmarshal(state, &remembered), json.Unmarshal(response, &s)); err != nil {
		return s, err
	}
	if s.Challenge != remembered.Challenge {
		return s, errors.New("another challenge\x1b")
	}
	return s, nil
}

func (c *ceremonies) FinishCreate(_ account.Holder, state, response json.RawMessage) (account.Credential, error) {
	s, err := check(state, response)
	data, _ := json.Marshal(s.Count)
	return account.Credential{ID: s.ID, Data: data, Synced: true}, err
}

func (c *ceremonies) FinishGet(state, response json.RawMessage, find func([]byte) (account.Holder, error)) (account.Credential, error) {
	s, err := check(state, response)
	if err != nil {
		return account.Credential{}, err
	}
	h, err := find(s.Handle)
	if err != nil {
		return account.Credential{}, err
	}
	for _, known := range h.Credentials {
		var count int
		if err := json.Unmarshal(known.Data, &count); err != nil {
			return known, err
		}
		if string(known.ID) == string(s.ID) {
			known.Cloned = known.Cloned || s.Count <= count
			known.Data, err = json.Marshal(max(s.Count, count))
			return known, err
		}
	}
	return account.Credential{}, errors.New("not theirs")
}

// begun is what a ceremony asks a browser.
func begun(t *testing.T, c account.Ceremony, err error) said {
	t.Helper()
	require.NoError(t, err)
	var s said
	require.NoError(t, json.Unmarshal(c.Options, &s))
	return s
}

func answer(t *testing.T, s said) json.RawMessage {
	t.Helper()
	data, err := json.Marshal(s)
	require.NoError(t, err)
	return data
}

func withPasskeys(o *account.Options) { o.Passkeys = new(ceremonies) }

// register registers a passkey and returns its handle.
func (r *rig) register(who account.Identity, id string) (account.Passkey, []byte) {
	r.t.Helper()
	c, err := r.BeginPasskey(r.t.Context(), who)
	s := begun(r.t, c, err)
	s.ID, s.Count = []byte(id), 1
	made, err := r.AddPasskey(r.t.Context(), who, c.ID, "my phone", answer(r.t, s))
	require.NoError(r.t, err)
	return made, s.Handle
}

// enter logs in by a passkey.
func (r *rig) enter(id string, handle []byte, count int) (account.Session, error) {
	r.t.Helper()
	c, err := r.BeginPasskeyLogin(r.t.Context(), home)
	s := begun(r.t, c, err)
	s.ID, s.Handle, s.Count = []byte(id), handle, count
	return r.PasskeyLogin(r.t.Context(), c.ID, answer(r.t, s), home)
}

func TestPasskey(t *testing.T) {
	r := newRig(t, withPasskeys)
	ctx := t.Context()
	_, alice := r.login("alice")
	made, handle := r.register(alice, "key")
	require.Equal(t, "my phone", made.Label)
	require.True(t, made.Synced)
	require.Equal(t, "passkey.add", r.latest().Action)
	p, err := r.Person(alice, "alice")
	require.NoError(t, err)
	require.Equal(t, []account.Passkey{made}, p.Passkeys)

	s, err := r.enter("key", handle, 2)
	require.NoError(t, err)
	require.Equal(t, audit.Passkey, s.By)
	require.Equal(t, "alice", r.identity(s).Name)
	e := r.latest()
	require.Equal(t, []any{"login", "alice", audit.Passkey, audit.Done}, []any{e.Action, e.Name, e.By, e.Outcome})

	for name, try := range map[string]func() (account.Session, error){
		"another handle": func() (account.Session, error) { return r.enter("key", []byte("nobody"), 9) },
		"another key":    func() (account.Session, error) { return r.enter("none", handle, 9) },
		"another challenge": func() (account.Session, error) {
			c, err := r.BeginPasskeyLogin(ctx, home)
			require.NoError(t, err)
			return r.PasskeyLogin(ctx, c.ID, answer(t, said{ID: []byte("key"), Handle: handle, Count: 9}), home)
		},
		"rubbish": func() (account.Session, error) {
			c, err := r.BeginPasskeyLogin(ctx, home)
			require.NoError(t, err)
			return r.PasskeyLogin(ctx, c.ID, json.RawMessage("{"), home)
		},
	} {
		_, err := try()
		require.ErrorIs(t, err, account.ErrLogin, name)
		require.Equal(t, audit.Denied, r.latest().Outcome)
	}

	require.ErrorIs(t, r.RemovePasskey(ctx, alice, "none"), account.ErrUnknown)
	_, bob := r.login("bob")
	require.ErrorIs(t, r.RemovePasskey(ctx, bob, made.ID), account.ErrUnknown)
	require.NoError(t, r.RemovePasskey(ctx, alice, made.ID))
	_, err = r.enter("key", handle, 3)
	require.ErrorIs(t, err, account.ErrLogin)
}

// A counter that does not grow blocks the key for good.
func TestClone(t *testing.T) {
	r := newRig(t, withPasskeys)
	_, alice := r.login("alice")
	_, handle := r.register(alice, "key")
	_, err := r.enter("key", handle, 5)
	require.NoError(t, err)
	_, err = r.enter("key", handle, 5)
	require.ErrorIs(t, err, account.ErrClone)
	require.Equal(t, audit.Denied, r.latest().Outcome)
	require.Equal(t, "alice", r.latest().Owner)
	_, err = r.enter("key", handle, 99)
	require.ErrorIs(t, err, account.ErrClone)
	p, err := r.Person(alice, "alice")
	require.NoError(t, err)
	require.True(t, p.Passkeys[0].Cloned)
}

func TestCeremoniesEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, withPasskeys)
		ctx := t.Context()
		_, alice := r.login("alice")
		_, bob := r.login("bob")
		_, handle := r.register(alice, "key")

		c, err := r.BeginPasskeyLogin(ctx, home)
		s := begun(t, c, err)
		s.ID, s.Handle, s.Count = []byte("key"), handle, 2
		_, err = r.PasskeyLogin(ctx, c.ID, answer(t, s), home)
		require.NoError(t, err)
		s.Count++
		_, err = r.PasskeyLogin(ctx, c.ID, answer(t, s), home)
		require.ErrorIs(t, err, account.ErrExpired, "a ceremony is for one use")
		_, err = r.PasskeyLogin(ctx, "none", nil, home)
		require.ErrorIs(t, err, account.ErrExpired)

		late, err := r.BeginPasskeyLogin(ctx, home)
		s = begun(t, late, err)
		<-time.After(5*time.Minute + time.Second)
		_, err = r.PasskeyLogin(ctx, late.ID, answer(t, s), home)
		require.ErrorIs(t, err, account.ErrExpired)

		// One of alice's session is no one's in bob's, and no login.
		c, err = r.BeginPasskey(ctx, alice)
		s = begun(t, c, err)
		_, err = r.AddPasskey(ctx, bob, c.ID, "", answer(t, s))
		require.ErrorIs(t, err, account.ErrExpired)
		c, err = r.BeginPasskey(ctx, alice)
		s = begun(t, c, err)
		_, err = r.PasskeyLogin(ctx, c.ID, answer(t, s), home)
		require.ErrorIs(t, err, account.ErrExpired)
		c, err = r.BeginPasskey(ctx, alice)
		s = begun(t, c, err)
		require.NoError(t, r.Logout(ctx, alice))
		_, err = r.AddPasskey(ctx, alice, c.ID, "", answer(t, s))
		require.ErrorIs(t, err, account.ErrExpired)

		<-time.After(11 * time.Minute)
		_, err = r.BeginPasskey(ctx, bob)
		require.ErrorContains(t, err, "log in again")
	})
}

func TestPasskeysRefused(t *testing.T) {
	r := newRig(t, withPasskeys)
	ctx := t.Context()
	_, alice := r.login("alice")
	_, bob := r.login("bob")
	r.register(alice, "key")
	c, err := r.BeginPasskey(ctx, bob)
	s := begun(t, c, err)
	s.ID = []byte("key")
	_, err = r.AddPasskey(ctx, bob, c.ID, "", answer(t, s))
	require.ErrorIs(t, err, account.ErrInvalid, "a key is one person's")
	c, err = r.BeginPasskey(ctx, bob)
	begun(t, c, err)
	_, err = r.AddPasskey(ctx, bob, c.ID, "", json.RawMessage(`{}`))
	require.ErrorIs(t, err, account.ErrInvalid)
	require.NotContains(t, err.Error(), "\x1b")
	for i := range 19 {
		r.register(alice, fmt.Sprint("key ", i))
	}
	c, err = r.BeginPasskey(ctx, alice)
	s = begun(t, c, err)
	_, err = r.AddPasskey(ctx, alice, c.ID, "", answer(t, s))
	require.ErrorIs(t, err, account.ErrInvalid)
	require.ErrorContains(t, err, "20 at most")

	none := newRig(t)
	_, alice = none.login("alice")
	_, err = none.BeginPasskey(ctx, alice)
	require.ErrorIs(t, err, account.ErrInvalid)
	_, err = none.BeginPasskeyLogin(ctx, home)
	require.ErrorIs(t, err, account.ErrInvalid)
}

func TestPasskeyLoginIsLimited(t *testing.T) {
	r := newRig(t, withPasskeys)
	var err error
	for range 31 {
		_, err = r.BeginPasskeyLogin(t.Context(), home)
	}
	require.ErrorIs(t, err, account.ErrSlow)
	_, err = r.BeginPasskeyLogin(t.Context(), far)
	require.NoError(t, err)
}

// Strangers who begin many ceremonies and end none do not eat the memory.
func TestCeremoniesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, withPasskeys)
		begin := func(n int) {
			for i := range n {
				_, err := r.BeginPasskeyLogin(t.Context(), netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}))
				require.NoError(t, err)
			}
		}
		begin(10_500)
		<-time.After(6 * time.Minute)
		begin(10_500)
		_, alice := r.login("alice")
		_, handle := r.register(alice, "key")
		_, err := r.enter("key", handle, 2)
		require.NoError(t, err)
	})
}

// Who has no password yet sets one in a fresh session, without an old one.
func TestFirstPassword(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		name := t.TempDir() + "/accounts.json"
		r := newRig(t, withPasskeys, inFile(name))
		_, alice := r.login("alice")
		made, handle := r.register(alice, "key")
		require.NoError(t, r.Close())
		require.NotEmpty(t, made.ID)
		forget(t, name, r.Stored("alice"))
		again, err := account.Open(account.Options{File: name, Hash: cheap, Passkeys: new(ceremonies), Audit: r.log})
		require.NoError(t, err)
		defer again.Close()
		r.Store = again
		s, err := r.enter("key", handle, 7)
		require.NoError(t, err)
		who := r.identity(s)
		<-time.After(time.Hour)
		_, err = r.ChangePassword(t.Context(), who, daemon.Secret{}, another)
		require.ErrorContains(t, err, "log in again")
		s, err = r.enter("key", handle, 8)
		require.NoError(t, err)
		_, err = r.ChangePassword(t.Context(), r.identity(s), daemon.Secret{}, another)
		require.NoError(t, err)
		_, err = r.attempt("alice", another, home, daemon.Secret{})
		require.NoError(t, err)
	})
}
