package account_test

import (
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/account"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/audit"
)

func TestToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		ctx := t.Context()
		_, who := r.login("alice")
		made, err := r.NewToken(ctx, who, "a \x1b script", account.Read, 24*time.Hour)
		require.NoError(t, err)
		require.Regexp(t, regexp.MustCompile(`^hkp_[a-z2-7]{16}_[a-z2-7]{52}$`), made.Secret.Reveal())
		require.Equal(t, `a \x1b script`, made.Label)
		require.NotContains(t, r.latest().Detail, strings.Split(made.Secret.Reveal(), "_")[2])

		got, err := r.Token(ctx, made.Secret, far)
		require.NoError(t, err)
		require.Equal(t, account.Identity{
			Name: "alice", Role: account.Customer, By: audit.Token, ID: made.ID, From: far, Expires: made.Expires,
		}, got)
		<-time.After(2 * time.Hour)
		_, err = r.Token(ctx, made.Secret, far)
		require.NoError(t, err)
		list := r.Tokens(who)
		require.Len(t, list, 1)
		require.True(t, list[0].Secret.Empty())
		require.WithinDuration(t, time.Now(), list[0].Used, time.Second)

		last := made.Secret.Reveal()
		flipped := map[byte]string{'a': "b"}[last[len(last)-2]]
		if flipped == "" {
			flipped = "a"
		}
		_, err = r.Token(ctx, daemon.NewSecret(last[:len(last)-2]+flipped+last[len(last)-1:]), far)
		require.ErrorIs(t, err, account.ErrExpired)

		<-time.After(22 * time.Hour)
		_, err = r.Token(ctx, made.Secret, far)
		require.ErrorIs(t, err, account.ErrExpired)
		require.Empty(t, r.Tokens(who))
	})
}

func TestNewTokenRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		ctx := t.Context()
		_, who := r.login("alice")
		for _, c := range []struct {
			label    string
			scope    account.Scope
			lifetime time.Duration
		}{
			{"", account.Read, 0}, {" ", account.Read, 0}, {"a", "admin", 0}, {"a", account.Read, -1}, {"a", account.Read, 367 * 24 * time.Hour},
		} {
			_, err := r.NewToken(ctx, who, c.label, c.scope, c.lifetime)
			require.ErrorIs(t, err, account.ErrInvalid)
		}
		read, err := r.NewToken(ctx, who, "reads", account.Read, 0)
		require.NoError(t, err)
		require.WithinDuration(t, time.Now().Add(90*24*time.Hour), read.Expires, time.Minute)
		reader, err := r.Token(ctx, read.Secret, home)
		require.NoError(t, err)
		_, err = r.NewToken(ctx, reader, "child", account.Read, 0)
		require.ErrorIs(t, err, account.ErrForbidden)

		write, err := r.NewToken(ctx, who, "writes", account.Write, time.Hour)
		require.NoError(t, err)
		writer, err := r.Token(ctx, write.Secret, home)
		require.NoError(t, err)
		child, err := r.NewToken(ctx, writer, "child", account.Write, 24*time.Hour)
		require.NoError(t, err)
		require.Equal(t, write.Expires, child.Expires)
		require.NoError(t, r.RevokeToken(ctx, writer, write.ID))
		_, err = r.NewToken(ctx, writer, "child", account.Write, 0)
		require.ErrorIs(t, err, account.ErrExpired)

		for range 48 {
			_, err = r.NewToken(ctx, who, "one of many", account.Read, 0)
			require.NoError(t, err)
		}
		_, err = r.NewToken(ctx, who, "one too many", account.Read, 0)
		require.ErrorIs(t, err, account.ErrInvalid)

		// What outlives a session needs a fresh one.
		<-time.After(16 * time.Minute)
		_, err = r.NewToken(ctx, who, "late", account.Read, 0)
		require.ErrorContains(t, err, "log in again")
	})
}

func TestRevokeToken(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	_, alice := r.login("alice")
	_, bob := r.login("bob")
	made, err := r.NewToken(ctx, alice, "a", account.Read, 0)
	require.NoError(t, err)
	other, err := r.NewToken(ctx, alice, "b", account.Read, 0)
	require.NoError(t, err)
	require.ErrorIs(t, r.RevokeToken(ctx, bob, made.ID), account.ErrUnknown)
	reader, err := r.Token(ctx, made.Secret, home)
	require.NoError(t, err)
	require.ErrorIs(t, r.RevokeToken(ctx, reader, other.ID), account.ErrForbidden)
	require.NoError(t, r.RevokeToken(ctx, reader, made.ID), "itself it may: it has leaked")
	_, err = r.Token(ctx, made.Secret, home)
	require.ErrorIs(t, err, account.ErrExpired)
	require.ErrorIs(t, r.RevokeToken(ctx, reader, other.ID), account.ErrExpired)
	require.NoError(t, r.RevokeToken(ctx, alice, other.ID))

	// A token does not change the account: no password, session or passkey.
	write, err := r.NewToken(ctx, alice, "c", account.Write, 0)
	require.NoError(t, err)
	writer, err := r.Token(ctx, write.Secret, home)
	require.NoError(t, err)
	_, err = r.ChangePassword(ctx, writer, password, another)
	require.ErrorIs(t, err, account.ErrForbidden)
	require.ErrorIs(t, r.RevokeSessions(ctx, writer), account.ErrForbidden)
	require.ErrorIs(t, r.RemovePasskey(ctx, writer, "00"), account.ErrForbidden)
}

func FuzzToken(f *testing.F) {
	f.Add("hkp_aaaaaaaaaaaaaaaa_" + strings.Repeat("a", 52))
	f.Add("hkp__")
	f.Add("Bearer x")
	f.Fuzz(func(t *testing.T, text string) {
		id, ok := account.SplitToken(text)
		require.Equal(t, ok, id != "")
		if ok {
			require.Regexp(t, `^hkp_[a-z2-7]{16}_[a-z2-7]{52}$`, text)
			require.True(t, strings.HasPrefix(text, "hkp_"+id+"_"))
		}
	})
}
