package account_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/account"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/audit"
)

func TestLastOperator(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	_, noc := r.login("noc")
	require.ErrorIs(t, r.Remove(ctx, noc, "noc"), account.ErrInvalid)
	require.ErrorIs(t, r.SetRole(ctx, noc, "noc", account.Customer), account.ErrInvalid)
	require.ErrorIs(t, r.Remove(ctx, account.System(), "noc"), account.ErrInvalid)
	require.Equal(t, audit.Failed, r.latest().Outcome)
	_, err := r.attempt("noc", password, home, daemon.Secret{})
	require.NoError(t, err)
	require.NoError(t, r.SetRole(ctx, account.System(), "bob", account.Operator))
	require.NoError(t, r.Remove(ctx, noc, "noc"))
	_, err = r.attempt("noc", password, home, daemon.Secret{})
	require.ErrorIs(t, err, account.ErrLogin)
}

// What operators do is for operators alone, in a session that there is still.
func TestOperatorsAlone(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	_, alice := r.login("alice")
	_, noc := r.login("noc")
	token, err := r.NewToken(ctx, noc, "a script", account.Write, 0)
	require.NoError(t, err)
	byToken, err := r.Token(ctx, token.Secret, home)
	require.NoError(t, err)
	_, gone := r.login("noc")
	require.NoError(t, r.RevokeSession(ctx, noc, gone.ID))
	forged := alice
	forged.Role = account.Operator

	for name, who := range map[string]account.Identity{
		"customer": alice, "nobody": {}, "forged": forged, "revoked": gone, "token": byToken,
		"said to be": {Name: "noc", Role: account.Operator, Write: true},
	} {
		t.Run(name, func(t *testing.T) {
			for _, err := range []error{
				r.Add(ctx, who, "carol", account.Customer, password),
				r.Add(ctx, who, "carol", account.Customer, daemon.Secret{}),
				r.SetRole(ctx, who, "bob", account.Operator),
				r.SetPassword(ctx, who, "bob", another),
				r.EndSessions(ctx, who, "bob"),
				r.Remove(ctx, who, "bob"),
			} {
				require.ErrorIs(t, err, account.ErrForbidden)
				require.Equal(t, audit.Denied, r.latest().Outcome)
			}
			if name != "token" {
				_, err := r.People(who)
				require.ErrorIs(t, err, account.ErrForbidden)
				_, err = r.Person(who, "bob")
				require.ErrorIs(t, err, account.ErrUnknown)
				_, unknown := r.Person(who, "who")
				require.Equal(t, strings.ReplaceAll(err.Error(), "bob", "who"), unknown.Error())
			}
		})
	}
	_, err = r.attempt("bob", password, home, daemon.Secret{})
	require.NoError(t, err)
	people, err := r.People(noc)
	require.NoError(t, err)
	require.Len(t, people, 3)
	require.Equal(t, "alice", people[0].Name)
	bob, err := r.Person(noc, "bob")
	require.NoError(t, err)
	require.True(t, bob.Password)
	require.False(t, bob.Changed.IsZero())
}

func TestAdd(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	for _, name := range []string{"", "Alice", "a b", "-x", ".x", "a/b", "é", strings.Repeat("x", 65), "a\x00"} {
		require.ErrorIs(t, r.Add(ctx, account.System(), name, account.Customer, password), account.ErrInvalid, "%q", name)
	}
	require.ErrorIs(t, r.Add(ctx, account.System(), "alice", account.Customer, password), account.ErrInvalid)
	require.ErrorIs(t, r.Add(ctx, account.System(), "carol", "king", password), account.ErrInvalid)
	require.ErrorIs(t, r.Add(ctx, account.System(), "carol", account.Customer, daemon.NewSecret("short")), account.ErrInvalid)
	require.ErrorIs(t, r.SetRole(ctx, account.System(), "carol", "king"), account.ErrInvalid)
	require.ErrorIs(t, r.SetRole(ctx, account.System(), "carol", account.Operator), account.ErrUnknown)
	require.ErrorIs(t, r.SetPassword(ctx, account.System(), "carol", another), account.ErrUnknown)
	require.ErrorIs(t, r.Remove(ctx, account.System(), "carol"), account.ErrUnknown)
	require.NoError(t, r.Add(ctx, account.System(), "carol.d-1_x", account.Customer, password))
	e := r.latest()
	require.Equal(t, []any{"account.add", "carol.d-1_x", "", audit.System}, []any{e.Action, e.Thing, e.Name, e.By})
}

// With a person go their sessions and tokens, and a new person of that name has none.
func TestRemove(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	s, alice := r.login("alice")
	token, err := r.NewToken(ctx, alice, "a script", account.Read, 0)
	require.NoError(t, err)
	require.NoError(t, r.Remove(ctx, account.System(), "alice"))
	r.over(s)
	_, err = r.Token(ctx, token.Secret, home)
	require.ErrorIs(t, err, account.ErrExpired)
	require.NoError(t, r.Add(ctx, account.System(), "alice", account.Customer, another))
	r.over(s)
	_, err = r.Token(ctx, token.Secret, home)
	require.ErrorIs(t, err, account.ErrExpired)
	_, err = r.NewToken(ctx, alice, "a script", account.Read, 0)
	require.ErrorIs(t, err, account.ErrExpired)
}

func TestSetPassword(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	s, _ := r.login("alice")
	_, noc := r.login("noc")
	require.ErrorIs(t, r.SetPassword(ctx, noc, "alice", daemon.NewSecret("short")), account.ErrInvalid)
	require.NoError(t, r.SetPassword(ctx, noc, "alice", another))
	r.over(s)
	_, err := r.attempt("alice", another, home, daemon.Secret{})
	require.NoError(t, err)
}

// When nothing can be written down, nobody is let in and nothing is changed.
func TestNoAudit(t *testing.T) {
	r := newRig(t)
	_, noc := r.login("noc")
	require.NoError(t, r.log.Close())
	_, err := r.attempt("alice", password, home, daemon.Secret{})
	require.ErrorContains(t, err, "audit")
	require.ErrorContains(t, r.Remove(t.Context(), noc, "alice"), "audit")
	_, err = r.NewToken(t.Context(), noc, "a script", account.Read, 0)
	require.ErrorContains(t, err, "audit")
	_, err = r.Person(noc, "alice")
	require.NoError(t, err)
}
