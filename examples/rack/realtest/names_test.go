package realtest

import (
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/dnspeer"
)

const (
	tld    = "test."
	domain = "shop.test."
	www    = "www.shop.test."
)

// Each has its key, and nobody another's.
const (
	acmeKey     = "acme.key"     // may change challenges
	transferKey = "transfer.key" // may have the zone
	registryKey = "registry.key" // may change DS records
	keySecret   = "YSBzZWNyZXQgb2YgdGhpcnR5LXR3byBieXRlcyAuLi4="
)

// names is the customer's domain: its contents in BIND, where ACME and people
// change them; the signer behind that; NSD, which the world asks; the registry in
// BIND, with a key of its own; and a resolver that believes the registry alone.
type names struct {
	rack                      *rack
	signer                    netip.AddrPort
	registry, primary, public *dnspeer.Server
	anchors                   []string
	resolver                  netip.AddrPort
	asked                     *asker
}

// startNames starts them all, with a zone that is not signed.
func (r *rack) startNames() *names {
	r.t.Helper()
	n := &names{rack: r, signer: freePort(r)}
	n.startRegistry()
	n.startPrimary()
	n.startPublic()
	n.resolver = dnspeer.ValidatingUnbound(r.t, dnspeer.Trust{
		Anchors: n.anchors, Stubs: map[string]netip.AddrPort{tld: n.registry.Addr, domain: n.public.Addr},
	})
	n.startSigner()
	n.until("the zone is transferred", func() bool { return len(n.ask(n.public.Addr, www, dns.TypeAAAA).Answer) == 1 })
	r.say("%s is there, unsigned", domain)
	return n
}

func bindKey(name string) string {
	return fmt.Sprintf("key %q { algorithm hmac-sha256; secret %q; };", name, keySecret)
}

// startRegistry starts the parent zone, which BIND signs.
func (n *names) startRegistry() {
	text := "$TTL 2\n@ IN SOA ns.test. h.test. 1 60 60 600 2\n@ NS ns\nns A 127.0.0.1\nshop NS ns.shop\nns.shop A 127.0.0.1\n"
	n.registry = dnspeer.NamedAuthority(n.rack.t, dnspeer.Authority{
		Zones:     map[string]string{tld: text},
		ZoneLines: map[string][]string{tld: {"dnssec-policy quick;", fmt.Sprintf("allow-update { key %q; };", registryKey)}},
		Blocks: []string{
			bindKey(registryKey),
			"dnssec-policy quick { keys { csk lifetime unlimited algorithm ecdsa256; }; dnskey-ttl 2; max-zone-ttl 60; };",
		},
	})
	n.until("the registry signs", func() bool {
		n.anchors = nil
		for _, k := range of[*dns.DNSKEY](n.ask(n.registry.Addr, tld, dns.TypeDNSKEY)) {
			n.anchors = append(n.anchors, k.ToDS(dns.SHA256).String())
		}
		return len(n.anchors) > 0 && len(of[*dns.RRSIG](n.ask(n.registry.Addr, tld, dns.TypeSOA))) > 0
	})
}

// startPrimary starts the server of the zone's contents.
func (n *names) startPrimary() {
	text := fmt.Sprintf("$TTL 1\n@ IN SOA ns h 1 60 5 600 1\n@ NS ns\nns A 127.0.0.1\nwww A %s\nwww AAAA %s\n", front, n.rack.pi.Public.Addr())
	n.primary = dnspeer.NamedAuthority(n.rack.t, dnspeer.Authority{
		Zones:  map[string]string{domain: text},
		Blocks: []string{bindKey(acmeKey), bindKey(transferKey)},
		ZoneLines: map[string][]string{domain: {
			fmt.Sprintf("update-policy { grant %q wildcard *.%s TXT; };", acmeKey, domain),
			fmt.Sprintf("allow-transfer { key %q; };", transferKey), "notify explicit;", "notify-delay 0;",
			fmt.Sprintf("also-notify { %s port %d key %q; };", n.signer.Addr(), n.signer.Port(), transferKey),
		}},
	})
}

// startPublic starts the server that the world asks.
func (n *names) startPublic() {
	n.public = dnspeer.NSD(n.rack.t, dnspeer.Authority{
		Zones:  map[string]string{domain: ""},
		Blocks: []string{"key:", fmt.Sprintf("  name: %q", transferKey), "  algorithm: hmac-sha256", fmt.Sprintf("  secret: %q", keySecret)},
		ZoneLines: map[string][]string{domain: {
			fmt.Sprintf("request-xfr: %s@%d %s", n.signer.Addr(), n.signer.Port(), transferKey), "allow-notify: 127.0.0.0/8 " + transferKey,
		}},
	})
}

// startSigner starts dnssecd, with waits of seconds.
func (n *names) startSigner() {
	r := n.rack
	secret := r.write("secret", keySecret+"\n")
	quoted, err := json.Marshal(n.anchors)
	require.NoError(r.t, err)
	r.daemon(exec.Command, "dnssecd", strings.NewReplacer(
		"SIGNER", n.signer.String(), "PRIMARY", n.primary.Addr.String(), "PUBLIC", n.public.Addr.String(), "REGISTRY", n.registry.Addr.String(),
		"RESOLVER", n.resolver.String(), "ANCHORS", string(quoted), "SECRET", secret,
		"STATE", r.path("dnssec"), "CONTROL", r.path("dnssecd.sock"), "TRANSFERKEY", transferKey, "DSKEY", registryKey,
	).Replace(signerConfig))
}

const signerConfig = `
listen = ["SIGNER"]
state = "STATE"
control = "CONTROL"
poll_ds = "500ms"
check_ds = "5s"
poll_served = "500ms"
[resolver]
servers = ["RESOLVER"]
anchors = ANCHORS
[[tsig]]
name = "TRANSFERKEY"
secret = { file = "SECRET" }
[[tsig]]
name = "DSKEY"
secret = { file = "SECRET" }
[parent.registry]
kind = "update"
update = "REGISTRY"
zone = "test"
key = "DSKEY"
ttl = "2s"
servers = ["REGISTRY"]
[policy.default]
scheme = "ksk-zsk"
dnskey_ttl = "1s"
negative_ttl = "1s"
max_zone_ttl = "1s"
ds_ttl = "2s"
zone_propagation = "-1ns"
parent_propagation = "-1ns"
publish_safety = "1s"
retire_safety = "1s"
[[zone]]
name = "shop.test"
primaries = ["PRIMARY"]
primary_key = "TRANSFERKEY"
parent = "registry"
secondaries = ["PUBLIC"]
notify_key = "TRANSFERKEY"
allow = ["127.0.0.0/8"]
allow_keys = ["TRANSFERKEY"]
`

// sign presses the button, and waits until the resolver finds the site's name
// secure. From then on it asks all the time.
func (n *names) sign() {
	n.rack.t.Helper()
	require.Empty(n.rack.t, n.ds())
	n.dnssecd("enable", "shop.test")
	n.until("the zone is signed", func() bool { return n.status().Phase == "signed" })
	require.Len(n.rack.t, n.ds(), 1)
	n.until("the name is secure", func() bool { return n.ask(n.resolver, www, dns.TypeAAAA).AuthenticatedData })
	n.asked = n.startAsker()
	n.rack.say("%s is secure", www)
}

// ds are the registry's records of who may sign the zone.
func (n *names) ds() []*dns.DS { return of[*dns.DS](n.ask(n.registry.Addr, domain, dns.TypeDS)) }

// roll begins to replace both keys.
func (n *names) roll() *roll {
	n.rack.t.Helper()
	r := &roll{n: n, keys: n.keys(), ds: n.ds()}
	require.Len(n.rack.t, r.keys, 2)
	n.dnssecd("roll", "shop.test", "zsk")
	n.dnssecd("roll", "shop.test", "ksk")
	n.rack.say("the keys %v roll", r.keys)
	return r
}

// roll is a rollover, with what there was before.
type roll struct {
	n    *names
	keys []string
	ds   []*dns.DS
}

// end waits until other keys are there and the old ones are not, with another DS at
// the registry, and wants all answers to have been secure.
func (r *roll) end() {
	n := r.n
	n.rack.t.Helper()
	var now []string
	n.until("both keys have rolled", func() bool {
		now = n.keys()
		return n.status().Phase == "signed" && len(now) == len(r.keys) &&
			!slices.ContainsFunc(now, func(id string) bool { return slices.Contains(r.keys, id) })
	})
	ds := n.ds()
	require.Len(n.rack.t, ds, 1)
	require.NotEqual(n.rack.t, r.ds[0].KeyTag, ds[0].KeyTag)
	n.rack.say("the keys are %v; the resolver was asked %d times", now, n.asked.good())
}

// zone is what the signer says of it.
type zone struct {
	Phase string `json:"phase"`
	Keys  []struct {
		ID string `json:"id"`
	} `json:"keys"`
}

func (n *names) status() (z zone) {
	n.rack.t.Helper()
	require.NoError(n.rack.t, json.Unmarshal([]byte(n.dnssecd("status", "-json", "shop.test")), &z))
	return z
}

func (n *names) keys() (ids []string) {
	n.rack.t.Helper()
	for _, k := range n.status().Keys {
		ids = append(ids, k.ID)
	}
	return ids
}

func (n *names) dnssecd(args ...string) string {
	n.rack.t.Helper()
	return n.rack.must(exec.CommandContext(n.rack.t.Context(), n.rack.program("dnssecd"), append([]string{"-config", n.rack.path("dnssecd.toml")}, args...)...))
}

func (n *names) until(what string, ok func() bool) {
	n.rack.t.Helper()
	require.Eventually(n.rack.t, ok, 3*time.Minute, 100*time.Millisecond, what)
}

// ask asks a server by TCP, with DO. No answer is an empty one.
func (n *names) ask(at netip.AddrPort, name string, typ uint16) *dns.Msg {
	q := new(dns.Msg).SetQuestion(name, typ)
	q.SetEdns0(1232, true)
	c := &dns.Client{Net: "tcp", Timeout: 10 * time.Second}
	m, _, err := c.ExchangeContext(n.rack.t.Context(), q, at.String())
	if err != nil {
		return new(dns.Msg)
	}
	return m
}

func of[T dns.RR](m *dns.Msg) (all []T) {
	for _, rr := range m.Answer {
		if v, ok := rr.(T); ok {
			all = append(all, v)
		}
	}
	return all
}

// freePort is one that nobody listens on by UDP or TCP.
func freePort(r *rack) netip.AddrPort {
	r.t.Helper()
	for range 50 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(r.t, err)
		p, err := net.ListenPacket("udp", l.Addr().String())
		require.NoError(r.t, l.Close())
		if err == nil {
			require.NoError(r.t, p.Close())
			return netip.MustParseAddrPort(l.Addr().String())
		}
	}
	require.FailNow(r.t, "no port is free for both UDP and TCP")
	return netip.AddrPort{}
}
