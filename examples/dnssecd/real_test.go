package main

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/dnspeer"
	"github.com/mythic-beasts/hostkit/internal/etcdtest"
	"github.com/mythic-beasts/hostkit/internal/peer"
)

const xfrSecret = "bWVkaXVtIHNlY3JldCBmb3IgdHJhbnNmZXJz"

// tsig configures the key.
func (r *rig) tsig() {
	r.config += fmt.Sprintf("[[tsig]]\nname = \"xfr.example\"\nsecret = { file = %q }\n", r.write("xfr.key", xfrSecret+"\n"))
}

// NSD fetches the zone, and hears of each change. Nothing counts as published that it
// does not have.
func TestRealSecondary(t *testing.T) {
	r := newRig(t)
	nsd := dnspeer.NSD(t, dnspeer.Authority{
		Zones:  map[string]string{"example.com.": ""},
		Blocks: []string{"key:", `  name: "xfr.example"`, "  algorithm: hmac-sha256", fmt.Sprintf("  secret: %q", xfrSecret)},
		ZoneLines: map[string][]string{"example.com.": {
			fmt.Sprintf("request-xfr: 127.0.0.1@%d xfr.example", r.dns.Port()), "allow-notify: 127.0.0.0/8 xfr.example",
		}},
	})
	r.tsig()
	r.zone("example.com", fmt.Sprintf("secondaries = [%q]\nnotify_key = \"xfr.example\"\nallow = [\"127.0.0.0/8\"]\nallow_keys = [\"xfr.example\"]", nsd.Addr))
	r.config += quick
	r.start()
	r.await("the first transfer", func() bool { return r.serial(nsd.Addr, "example.com.") == 1 })
	r.must("enable", "example.com")
	r.await("the signed zone", func() bool { return r.serial(nsd.Addr, "example.com.") == 2 })
	require.Len(t, of[*dns.RRSIG](r.ask(nsd.Addr, "www.example.com.", dns.TypeA)), 1)
	r.await("its serial", func() bool { return r.status("example.com").Served[nsd.Addr.String()] >= 2 })

	// It stands still: keys wait for it.
	require.NoError(t, nsd.Process.Signal(syscall.SIGSTOP))
	r.must("roll", "example.com", "zsk")
	r.await("what is missing", func() bool {
		return strings.Contains(r.must("status", "example.com"), "publish the DNSKEY of ZSK")
	})
	require.NoError(t, nsd.Process.Signal(syscall.SIGCONT))
	r.await("the new key", func() bool {
		return len(of[*dns.DNSKEY](r.ask(nsd.Addr, "example.com.", dns.TypeDNSKEY))) == 3
	})
}

// Nobody without the key gets the zone, and by TLS those who have it do.
func TestRealTransferByTLS(t *testing.T) {
	peer.Need(t, "openssl", "kdig")
	r := newRig(t)
	tls := freePort(t)
	out, err := exec.CommandContext(t.Context(), "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
		"-subj", "/CN=ns.example", "-addext", "subjectAltName=DNS:ns.example", "-days", "2", "-keyout", r.path("key.pem"), "-out", r.path("cert.pem")).CombinedOutput()
	require.NoError(t, err, "%s", out)
	r.tsig()
	r.zone("example.com", `allow_keys = ["xfr.example"]`)
	r.config = fmt.Sprintf("%s[tls]\nlisten = [%q]\ncertificate = %q\nkey = %q\n", r.config, tls, r.path("cert.pem"), r.path("key.pem"))
	r.start()
	kdig := func(args ...string) string {
		args = append([]string{"@127.0.0.1", "-p", fmt.Sprint(tls.Port()), "+tls-ca=" + r.path("cert.pem"), "+tls-hostname=ns.example", "example.com", "AXFR"}, args...)
		said, _ := exec.CommandContext(t.Context(), "kdig", args...).CombinedOutput()
		return string(said)
	}
	require.Contains(t, kdig("-y", "hmac-sha256:xfr.example:"+xfrSecret), "www.example.com.")
	require.NotContains(t, kdig(), "www.example.com.")
}

// The contents come from BIND, which says when they change.
func TestRealPrimary(t *testing.T) {
	peer.Need(t, "nsupdate")
	r := newRig(t)
	key := fmt.Sprintf("key xfr.example { algorithm hmac-sha256; secret %q; };", xfrSecret)
	named := dnspeer.NamedAuthority(t, dnspeer.Authority{
		Zones:  map[string]string{"example.com.": text},
		Blocks: []string{key},
		ZoneLines: map[string][]string{"example.com.": {
			"allow-transfer { key xfr.example; };", "allow-update { 127.0.0.1; };", "notify explicit;",
			fmt.Sprintf("also-notify { 127.0.0.1 port %d key xfr.example; };", r.dns.Port()),
		}},
	})
	r.tsig()
	r.config += fmt.Sprintf("[[zone]]\nname = \"example.com\"\nprimaries = [%q]\nprimary_key = \"xfr.example\"\n", named.Addr)
	r.start()
	r.await("the first transfer", func() bool { return r.serial(r.dns, "example.com.") == 1 })
	r.must("enable", "example.com")
	cmd := exec.CommandContext(t.Context(), "nsupdate")
	cmd.Stdin = strings.NewReader(fmt.Sprintf("server 127.0.0.1 %d\nzone example.com\nupdate add new.example.com 60 A 192.0.2.9\nsend\n", named.Addr.Port()))
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	r.await("the change, signed", func() bool {
		return len(of[*dns.RRSIG](r.ask(r.dns, "new.example.com.", dns.TypeA))) == 1
	})
}

// The DS goes to a parent in BIND by dynamic updates, and away again.
func TestRealParentByUpdates(t *testing.T) {
	r := newRig(t)
	named := dnspeer.NamedAuthority(t, dnspeer.Authority{
		Zones:     map[string]string{"com.": "@ 1 IN SOA ns h 1 60 60 600 1\n@ 1 IN NS ns\nns 1 IN A 127.0.0.1\nexample 1 IN NS ns.example\nns.example 1 IN A 127.0.0.1\n"},
		Blocks:    []string{fmt.Sprintf("key xfr.example { algorithm hmac-sha256; secret %q; };", xfrSecret)},
		ZoneLines: map[string][]string{"com.": {"allow-update { key xfr.example; };"}},
	})
	r.tsig()
	r.zone("example.com", `parent = "com"`)
	r.config += fmt.Sprintf("[parent.com]\nkind = \"update\"\nupdate = %q\nzone = \"com\"\nkey = \"xfr.example\"\nttl = \"1s\"\nservers = [%q]\n%s", named.Addr, named.Addr, quick)
	r.start()
	r.must("enable", "example.com")
	ds := func() []*dns.DS { return of[*dns.DS](r.ask(named.Addr, "example.com.", dns.TypeDS)) }
	r.await("the DS", func() bool { return len(ds()) == 1 })
	r.await("the end of it", func() bool { return r.status("example.com").Phase == "signed" })
	tag := ds()[0].KeyTag
	r.must("roll", "example.com", "ksk")
	r.await("another DS", func() bool { d := ds(); return len(d) == 1 && d[0].KeyTag != tag })
	r.must("disable", "example.com")
	r.await("no DS", func() bool { return len(ds()) == 0 })
	r.await("an unsigned zone", func() bool {
		return r.status("example.com").Phase == "unsigned" && len(of[*dns.RRSIG](r.ask(r.dns, "www.example.com.", dns.TypeA))) == 0
	})
}

// People are told by a command, once, and say what they did.
func TestParentOfPeople(t *testing.T) {
	r := newRig(t)
	script := r.write("tell", "#!/bin/sh\n{ echo \"$ZONE $REMINDER\"; cat; } >>"+r.path("told")+"\n")
	require.NoError(t, os.Chmod(script, 0o700))
	silent := freePort(t)
	r.zone("example.com", `parent = "people"`)
	r.config += fmt.Sprintf("[parent.people]\nkind = \"manual\"\ncommand = [%q]\nservers = [%q]\n%s", script, silent, quick)
	r.start()
	r.must("enable", "example.com")
	told := func() string { b, _ := os.ReadFile(r.path("told")); return string(b) }
	r.await("somebody to be told", func() bool { return strings.Contains(told(), "add example.com. IN DS ") })
	v := r.status("example.com")
	require.Len(t, v.DS, 1)
	require.Equal(t, "add", v.DS[0].Do)
	require.Contains(t, v.DS[0].Record, "example.com.")
	require.Contains(t, v.DS[0].DNSKEY, "DNSKEY")
	r.must("ds", "example.com", fmt.Sprint(v.DS[0].Tag), "present")
	r.await("the end of it", func() bool { return r.status("example.com").Phase == "signed" })
	require.Equal(t, 1, strings.Count(told(), "example.com. 0"), told())
}

// Two signers on one etcd: one of them leads. When it dies the other goes on, with the
// same keys and higher serials.
func TestRealTwoSignersOnEtcd(t *testing.T) {
	endpoint := etcdtest.Start(t, etcdtest.Options{Members: 1}).Endpoints()[0]
	first, second := newRig(t), newRig(t)
	for _, r := range []*rig{first, second} {
		r.config = fmt.Sprintf("keys = %q\n[etcd]\nendpoints = [%q]\nlock_ttl = \"2s\"\n", first.path("keys"), endpoint)
		r.zone("example.com", "")
	}
	require.NoError(t, os.Mkdir(first.path("keys"), 0o700))
	first.start()
	first.must("enable", "example.com")
	first.await("signatures", func() bool { return len(of[*dns.RRSIG](first.ask(first.dns, "www.example.com.", dns.TypeA))) == 1 })
	second.start()
	keys := first.status("example.com").Keys
	require.Equal(t, keys[0].ID, second.status("example.com").Keys[0].ID)

	first.end(syscall.SIGKILL)
	second.write("example.com", strings.Replace(text, "192.0.2.1", "192.0.2.7", 1))
	second.reload()
	second.await("the other one signs", func() bool {
		a := second.ask(second.dns, "www.example.com.", dns.TypeA)
		return len(of[*dns.RRSIG](a)) == 1 && of[*dns.A](a)[0].A.Equal(netip.MustParseAddr("192.0.2.7").AsSlice())
	})
	require.Greater(t, second.serial(second.dns, "example.com."), uint32(2))
	require.Equal(t, keys[0].ID, second.status("example.com").Keys[0].ID)
}

// A zone that BIND's tools signed is taken over: the same keys and signatures, and a
// change after that.
func TestRealAdopt(t *testing.T) {
	peer.Need(t, "dnssec-keygen", "dnssec-signzone")
	r := newRig(t)
	keys := r.path("keys")
	require.NoError(t, os.Mkdir(keys, 0o700))
	bind := func(args ...string) string {
		cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
		cmd.Dir = keys
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		return string(out)
	}
	bind("dnssec-keygen", "-a", "ECDSAP256SHA256", "-f", "KSK", "example.com")
	bind("dnssec-keygen", "-a", "ECDSAP256SHA256", "example.com")
	for _, name := range []string{"K*.key", "K*.private"} {
		files, err := filepath.Glob(filepath.Join(keys, name))
		require.NoError(t, err)
		for _, file := range files {
			require.NoError(t, os.Chmod(file, 0o600))
		}
	}
	r.config = fmt.Sprintf("keys = %q\n[policy.default]\nscheme = \"ksk-zsk\"\n", keys)
	r.zone("example.com", fmt.Sprintf("adopt = %q", r.path("signed")))
	bind("dnssec-signzone", "-S", "-K", keys, "-o", "example.com", "-f", r.path("signed"), r.path("example.com"))
	require.NoError(t, os.Remove(filepath.Join(keys, "dsset-example.com.")))
	r.start()
	r.await("the zone", func() bool { return r.serial(r.dns, "example.com.") > 0 })
	signed, err := os.ReadFile(r.path("signed"))
	require.NoError(t, err)
	sigs := of[*dns.RRSIG](r.ask(r.dns, "www.example.com.", dns.TypeA))
	require.Len(t, sigs, 1)
	require.Contains(t, strings.Join(strings.Fields(string(signed)), ""), sigs[0].Signature, "BIND's own")
	require.Len(t, r.status("example.com").Keys, 2)
	require.True(t, r.status("example.com").Enabled)

	r.write("example.com", strings.Replace(text, "192.0.2.1", "192.0.2.2", 1))
	r.reload()
	r.await("a change", func() bool {
		a := r.ask(r.dns, "www.example.com.", dns.TypeA)
		return len(of[*dns.A](a)) == 1 && of[*dns.A](a)[0].A.String() == "192.0.2.2"
	})
	next := of[*dns.RRSIG](r.ask(r.dns, "www.example.com.", dns.TypeA))
	require.Len(t, next, 1)
	require.Equal(t, sigs[0].KeyTag, next[0].KeyTag, "the same key")
}

// What cannot be taken over is not published at all.
func TestAdoptWithoutKeys(t *testing.T) {
	r := newRig(t)
	r.write("signed", text)
	r.zone("example.com", fmt.Sprintf("adopt = %q", r.path("signed")))
	r.start()
	r.await("the refusal", func() bool { return strings.Contains(r.said(), "zone cannot be taken over") })
	require.Zero(t, r.serial(r.dns, "example.com."))
}
