package epp_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/dnssectest"
	"github.com/mythic-beasts/hostkit/dnssec/parent"
	"github.com/mythic-beasts/hostkit/dnssec/parent/epp"
	"github.com/mythic-beasts/hostkit/dnssec/parent/epp/epptest"
	"github.com/mythic-beasts/hostkit/dnssec/rotate"
)

const (
	zone   = "child.test."
	object = "child.test"
)

var _ interface {
	parent.Submitter
	parent.Observer
} = (*epp.Client)(nil)

func open(t *testing.T, o epptest.Options) (*epptest.Registry, *epp.Client) {
	t.Helper()
	r := epptest.New(t, o)
	r.SetDomain(object, epptest.Domain{})
	c := &epp.Client{Addr: r.Addr(), TLS: r.TLS(), User: "registrar", Password: "password"}
	t.Cleanup(func() { _ = c.Close() })
	return r, c
}

func digest(n int) rotate.DS {
	return rotate.DS{Tag: uint16(n), Algorithm: 13, DigestType: 2, Digest: fmt.Sprintf("%064x", n)}
}

// has is what the client finds in the registry.
func has(t *testing.T, c *epp.Client) []rotate.DS {
	t.Helper()
	facts, err := c.Observe(t.Context(), zone)
	require.NoError(t, err)
	require.Len(t, facts.Servers, 1)
	require.True(t, facts.Servers[0].Answered)
	return facts.Servers[0].DS
}

func TestSubmit(t *testing.T) {
	r, c := open(t, epptest.Options{})
	c.MaxSigLife, c.Urgent = 14*24*time.Hour, true
	submit := func(add, remove []rotate.DS) {
		t.Helper()
		require.NoError(t, c.Submit(t.Context(), zone, add, remove))
	}
	submit([]rotate.DS{digest(1), digest(2)}, nil)
	require.Equal(t, []rotate.DS{digest(1), digest(2)}, has(t, c))
	d, _ := r.Domain(object)
	require.Equal(t, int64(1209600), d.MaxSigLife)
	require.True(t, d.Urgent)

	updates := func() int { return strings.Count(strings.Join(r.Commands(), " "), "update") }
	submit([]rotate.DS{digest(1), digest(2)}, []rotate.DS{digest(9)}) // all is so already
	submit(nil, nil)
	require.Equal(t, 1, updates())
	submit([]rotate.DS{digest(3)}, []rotate.DS{digest(1)})
	require.Equal(t, []rotate.DS{digest(2), digest(3)}, has(t, c))
	submit(nil, []rotate.DS{digest(2), digest(3)})
	require.Empty(t, has(t, c))
	require.Equal(t, 3, updates())

	c.RemoveAll = true
	submit([]rotate.DS{digest(4)}, nil)
	submit(nil, []rotate.DS{digest(4)})
	require.Empty(t, has(t, c))
	require.Equal(t, 1, strings.Count(strings.Join(r.Commands(), " "), "login"), "one session")

	require.NoError(t, c.Close())
	require.NoError(t, c.Close())
	commands := r.Commands()
	require.Equal(t, "logout", commands[len(commands)-1])
	require.Empty(t, has(t, c), "it logs in again")
}

// zoneKey is a key and its DS.
func zoneKey(t *testing.T) (*dns.DNSKEY, rotate.DS) {
	t.Helper()
	k, err := dnssec.GenerateKey(zone, dnssec.KeyOptions{SEP: true})
	require.NoError(t, err)
	ds, err := k.DS(dnssec.SHA256, 0)
	require.NoError(t, err)
	return k.DNSKEY(3600), parent.FromRR(ds)
}

func TestForms(t *testing.T) {
	one, ds1 := zoneKey(t)
	two, ds2 := zoneKey(t)
	keys := func(context.Context, string) ([]*dns.DNSKEY, error) { return []*dns.DNSKEY{one, two}, nil }
	for _, form := range []epp.Form{epp.DSDataWithKey, epp.KeyData} {
		r, c := open(t, epptest.Options{WantKeys: form == epp.KeyData})
		c.Form = form
		require.ErrorContains(t, c.Submit(t.Context(), zone, []rotate.DS{ds1}, nil), "Client.Keys")
		c.Keys = keys
		require.NoError(t, c.Submit(t.Context(), zone, []rotate.DS{ds1}, nil))
		require.NoError(t, c.Submit(t.Context(), zone, []rotate.DS{ds1}, nil))
		require.NoError(t, c.Submit(t.Context(), zone, []rotate.DS{ds2}, []rotate.DS{ds1}))
		require.Equal(t, []rotate.DS{ds2}, has(t, c))
		d, _ := r.Domain(object)
		if form == epp.KeyData {
			require.Equal(t, two.PublicKey, d.Keys[0].PublicKey)
		} else {
			require.Equal(t, two.PublicKey, d.DS[0].Key.PublicKey)
		}
		require.ErrorContains(t, c.Submit(t.Context(), zone, []rotate.DS{digest(1)}, nil), "knows no key of the DS 1 13 2")
		c.RemoveAll = true
		require.NoError(t, c.Submit(t.Context(), zone, nil, []rotate.DS{ds2}))
		require.Empty(t, has(t, c))
	}
	// A registry that takes the other form says so.
	_, c := open(t, epptest.Options{WantKeys: true})
	var refused *epp.ResultError
	require.ErrorAs(t, c.Submit(t.Context(), zone, []rotate.DS{ds1}, nil), &refused)
	require.Equal(t, epp.CodePolicyValue, refused.Code)
}

func TestRefused(t *testing.T) {
	r, c := open(t, epptest.Options{MaxDS: 1})
	add := []rotate.DS{digest(1)}
	var refused *epp.ResultError
	require.ErrorIs(t, c.Submit(t.Context(), "missing.test.", add, nil), fs.ErrNotExist)
	require.ErrorAs(t, c.Submit(t.Context(), zone, []rotate.DS{digest(1), digest(2)}, nil), &refused)
	require.Equal(t, epp.CodePolicyData, refused.Code)
	require.False(t, refused.Temporary())
	r.SetDomain(object, epptest.Domain{Locked: true})
	require.ErrorAs(t, c.Submit(t.Context(), zone, add, nil), &refused)
	require.Equal(t, epp.CodeStatus, refused.Code)
	require.Equal(t, `the registry answers 2304 "Object status prohibits operation", transaction "SV-1"`, refused.Error())

	r.SetDomain(object, epptest.Domain{})
	r.Fail("update", epptest.Failure{Code: epp.CodeFailedEnding})
	require.ErrorAs(t, c.Submit(t.Context(), zone, add, nil), &refused)
	require.True(t, refused.Temporary())
	require.NoError(t, c.Submit(t.Context(), zone, add, nil), "in another session")
	require.Equal(t, add, has(t, c))
}

func TestPassword(t *testing.T) {
	var log bytes.Buffer
	_, c := open(t, epptest.Options{})
	c.Password = "hunter2-wrong"
	c.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	err := c.Submit(t.Context(), zone, []rotate.DS{digest(1)}, nil)
	require.ErrorIs(t, err, fs.ErrPermission)
	require.NotContains(t, fmt.Sprintf("%v %+v %#v %+v", err, err, c.Password, c.Password), "hunter2")
	c.Password = "password"
	require.NoError(t, c.Submit(t.Context(), zone, []rotate.DS{digest(1)}, nil))
	require.NotContains(t, log.String(), "=password")
	require.Contains(t, log.String(), "EPP update")
}

// What is lost on the way is sent again, once, and is carried out once.
func TestReconnect(t *testing.T) {
	for _, kind := range []string{"info", "update"} {
		for _, done := range []bool{false, true} {
			r, c := open(t, epptest.Options{})
			require.Empty(t, has(t, c))
			r.Fail(kind, epptest.Failure{Lost: true, Done: done})
			err := c.Submit(t.Context(), zone, []rotate.DS{digest(1)}, nil)
			if kind == "update" && done {
				// The second time the registry has it already, which it says; asking
				// again finds nothing to do.
				var refused *epp.ResultError
				require.ErrorAs(t, err, &refused)
				require.Equal(t, 2302, refused.Code)
				err = c.Submit(t.Context(), zone, []rotate.DS{digest(1)}, nil)
			}
			require.NoError(t, err, "%s %v", kind, done)
			require.Equal(t, []rotate.DS{digest(1)}, has(t, c))
		}
	}
}

func TestBroken(t *testing.T) {
	const other = `<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><response><result code="1000"><msg>ok</msg></result><trID><clTRID>other</clTRID></trID></response></epp>`
	tests := []struct{ name, kind, answer, want string }{
		{"no XML", "info", "garbage", "XML"},
		{"doctype", "info", `<!DOCTYPE x [<!ENTITY a "b">]><epp/>`, "document type"},
		{"empty", "info", `<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"/>`, "neither a greeting nor a response"},
		{"another command's", "info", other, "another command"},
		{"greeting that is none", "greeting", other, "before anything was asked"},
		{"greeting without EPP", "greeting", "220 mail.example ESMTP", "XML"},
	}
	for _, tt := range tests {
		r, c := open(t, epptest.Options{})
		r.Fail(tt.kind, epptest.Failure{Answer: tt.answer})
		err := c.Submit(t.Context(), zone, []rotate.DS{digest(1)}, nil)
		require.ErrorContains(t, err, tt.want, tt.name)
		require.NoError(t, c.Submit(t.Context(), zone, []rotate.DS{digest(1)}, nil), tt.name)
	}
	_, c := open(t, epptest.Options{NoSecDNS: true})
	require.ErrorContains(t, c.Submit(t.Context(), zone, []rotate.DS{digest(1)}, nil), "secDNS-1.1")
}

func TestSilence(t *testing.T) {
	r, c := open(t, epptest.Options{})
	r.Fail("greeting", epptest.Failure{Silent: true})
	c.Timeout = 100 * time.Millisecond
	require.ErrorIs(t, c.Submit(t.Context(), zone, []rotate.DS{digest(1)}, nil), context.DeadlineExceeded)
	c.Timeout = 0
	require.NoError(t, c.Submit(t.Context(), zone, []rotate.DS{digest(1)}, nil))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, c.Submit(ctx, zone, []rotate.DS{digest(2)}, nil), context.Canceled)
}

// A session that was not used for long is tried by a hello first.
func TestIdle(t *testing.T) {
	r, c := open(t, epptest.Options{})
	c.Idle = time.Nanosecond
	require.Empty(t, has(t, c))
	require.Empty(t, has(t, c))
	require.Equal(t, []string{"greeting", "login", "info", "hello", "info"}, r.Commands())
	r.Fail("hello", epptest.Failure{Lost: true})
	require.Empty(t, has(t, c))
	require.Equal(t, []string{"hello", "greeting", "login", "info"}, r.Commands()[5:])
}

// Nobody else gets the password.
func TestCertificate(t *testing.T) {
	r, c := open(t, epptest.Options{})
	var unknown *tls.CertificateVerificationError
	c.TLS = nil
	require.ErrorAs(t, c.Submit(t.Context(), zone, []rotate.DS{digest(1)}, nil), &unknown)
	c.TLS = r.TLS()
	c.TLS.ServerName = "other.example"
	require.ErrorAs(t, c.Submit(t.Context(), zone, []rotate.DS{digest(1)}, nil), &unknown)
	require.NotContains(t, r.Commands(), "login")
	c = &epp.Client{Addr: "127.0.0.1:1"}
	require.Error(t, c.Submit(t.Context(), zone, []rotate.DS{digest(1)}, nil))
}

func TestObserver(t *testing.T) {
	_, c := open(t, epptest.Options{})
	p := dnssectest.NewParent(t, dnssectest.ParentOptions{})
	require.NoError(t, p.Delegate(zone, "ns.child.test."))
	require.NoError(t, p.SetDS(zone, digest(7)))
	c.Observer = p
	facts, err := c.Observe(t.Context(), zone)
	require.NoError(t, err)
	require.Equal(t, []rotate.DS{digest(7)}, facts.Servers[1].DS)
	c.Observer = nil
	_, err = c.Observe(t.Context(), "missing.test.")
	require.True(t, errors.Is(err, fs.ErrNotExist))
}
