package realtest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/acme"
	"github.com/mythic-beasts/hostkit/acme/dns01"
	"github.com/mythic-beasts/hostkit/acme/rfc2136"
	"github.com/mythic-beasts/hostkit/examples/internal/racktest"
	"github.com/mythic-beasts/hostkit/internal/pebbletest"
)

// certificate gets one from Pebble, which asks the validating resolver for the
// challenge's record. It returns who is to be trusted.
func (n *names) certificate() *x509.CertPool {
	r := n.rack
	r.t.Helper()
	authority := pebbletest.New(r.t, pebbletest.Options{DNS: n.resolver})
	account, err := acme.NewKey(acme.EC256)
	require.NoError(r.t, err)
	client := &acme.Client{Directory: authority.URL(), HTTP: authority.HTTPClient(), Key: account, AcceptTerms: true}
	solver := &dns01.Solver{
		Provider: &rfc2136.Provider{
			Server: n.primary.Addr.String(), Zone: domain, TTL: time.Second,
			Key: rfc2136.TSIG{Name: acmeKey, Secret: keySecret},
		},
		DNS: &dns01.DNS{Resolvers: []netip.AddrPort{n.resolver}, Port: n.public.Addr.Port()},
	}
	ctx, cancel := context.WithTimeout(r.t.Context(), 3*time.Minute)
	defer cancel()
	cert, err := client.Obtain(ctx, acme.Request{Names: []string{strings.TrimSuffix(www, ".")}}, solver)
	require.NoError(r.t, err)
	r.write("tls/chain.pem", string(cert.ChainPEM))
	r.write("tls/key.pem", string(cert.KeyPEM))
	r.say("a certificate of %s", cert.Leaf.Issuer)
	roots := x509.NewCertPool()
	roots.AddCert(authority.Root(0))
	return roots
}

// proxy starts sniproxyd at the edge, on the address that all sites share.
func (r *rack) proxy() {
	r.t.Helper()
	routes := r.write("routes.toml", fmt.Sprintf("[[site]]\nnames = [%q]\nproxy = \"v1\"\nhttp_port = -1\n[[site.backend]]\naddr = %q\n",
		strings.TrimSuffix(www, "."), r.pi.Public.Addr()))
	r.daemon(r.edge.Command, "sniproxyd", fmt.Sprintf("tls = [\"%s:443\"]\nroutes = %q\n[guard]\nallow = [%q]\n", front, routes, r.plan.Public.Prefix))
}

// visitor is somebody who has IPv4 alone.
type visitor struct {
	n     *names
	roots *x509.CertPool
}

// get looks the site's name up, wants the answer to be validated, and gets the
// page by the address in it.
func (v visitor) get(ctx context.Context) (string, error) {
	answer := v.n.ask(v.n.resolver, www, dns.TypeA)
	addrs := of[*dns.A](answer)
	if len(addrs) != 1 || !answer.AuthenticatedData {
		return "", fmt.Errorf("not one secure address: %v", answer)
	}
	addr := net.JoinHostPort(addrs[0].A.String(), "443")
	transport := &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{RootCAs: v.roots},
		DialContext: func(ctx context.Context, _, _ string) (conn net.Conn, err error) {
			err = v.n.rack.world.Do(func() error {
				conn, err = new(net.Dialer).DialContext(ctx, "tcp4", addr)
				return err
			})
			return conn, err
		},
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+strings.TrimSuffix(www, ".")+"/", nil)
	if err != nil {
		return "", err
	}
	resp, err := transport.RoundTrip(r)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %s", resp.Status)
	}
	return string(page), err
}

// sees waits for a page, and wants it to be that of the machine's root of that
// generation, to the visitor's own address.
func (v visitor) sees(generation string, within time.Duration) {
	r := v.n.rack
	r.t.Helper()
	var page string
	err := racktest.Until(r.t.Context(), within, func(ctx context.Context) (err error) {
		page, err = v.get(ctx)
		return err
	})
	require.NoError(r.t, err, "the console of %s:\n%s", r.pi.Name, r.consoleTail())
	require.Equal(r.t, fmt.Sprintf("%s\nserver %s, on nfs\nclient %s\n", generation, r.pi.Name, client), page)
	r.say("a client at %s sees %s", client, generation)
}
