package realtest_test

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/sniproxy"
	"github.com/mythic-beasts/hostkit/sniproxy/routes"
)

// h2load runs it against a site and wants all of its requests to be answered.
func (p *proxy) h2load(t *testing.T, requests int, args ...string) {
	t.Helper()
	args = append([]string{"-n", fmt.Sprint(requests), "--connect-to", p.tls.String()}, args...)
	out := run(t, "", "h2load", append(args, "https://one.example/who")...)
	want := fmt.Sprintf("%[1]d total, %[1]d started, %[1]d done, %[1]d succeeded, 0 failed, 0 errored, 0 timeout", requests)
	require.Contains(t, out.stdout, want, out.stderr)
	require.Contains(t, out.stdout, fmt.Sprintf("status codes: %d 2xx", requests))
}

func TestRealLoad(t *testing.T) {
	o := newOrigin(t)
	engines(t, func(t *testing.T, e sniproxy.Engine) {
		p := newProxy(t, e, o.sites, nil)
		p.h2load(t, 3000, "-c", "30", "-m", "20")
		for port, scheme := range map[uint16]string{p.tls.Port(): "https", p.http.Port(): "http"} {
			for _, more := range []string{"-q", "-k"} { // a connection for each request, or few
				out := run(t, "", "ab", more, "-n", "200", "-c", "8", fmt.Sprintf("%s://localhost:%d/who", scheme, port))
				require.Zero(t, out.status, out.stderr)
				require.Regexp(t, `Complete requests: +200\nFailed requests: +0\n`, out.stdout)
				require.NotContains(t, out.stdout, "Non-2xx")
			}
		}
		require.Eventually(t, func() bool { return p.server.Stats().Active == 0 }, patience, 10*time.Millisecond)
		s := p.server.Stats()
		// Ab opens some that it does not use.
		require.Equal(t, s.Accepted, s.Result(sniproxy.Routed)+s.Result(sniproxy.Aborted))
		require.GreaterOrEqual(t, s.Result(sniproxy.Routed), uint64(30+2*(200+8)))
	})
}

// Tables of two hundred sites are swapped while clients come and go, and no request
// fails. The site is on one server in one and on the other in the next.
func TestRealSwaps(t *testing.T) {
	o := newOrigin(t)
	var tables [2][]routes.Site
	for i, port := range []int{o.site(t, one).TLSPort, o.site(t, two).TLSPort} {
		tables[i] = []routes.Site{site(one, uint16(port), 0)}
		for n := range 200 {
			tables[i] = append(tables[i], site(fmt.Sprintf("s%d-%d.example", i, n), uint16(port), 0))
		}
	}
	engines(t, func(t *testing.T, e sniproxy.Engine) {
		p := newProxy(t, e, slices.Concat(tables[0], tables[1][1:]), nil)
		var swaps atomic.Int64
		stop := p.swap(t, tables, &swaps)
		for swaps.Load() < 20 { // once, on a machine that is not slow
			p.h2load(t, 2000, "-c", "200", "-r", "20", "--rate-period", "100ms", "-m", "4")
		}
		stop()
		for _, s := range []string{one, two} {
			port := uint16(o.site(t, s).TLSPort)
			p.recorded(t, func(r *sniproxy.Record) bool { return r.Backend.Port() == port })
		}
	})
}

// swap puts one table after the other in force until stop is called.
func (p *proxy) swap(t *testing.T, tables [2][]routes.Site, swaps *atomic.Int64) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for n := 1; ; n++ {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if err := p.set.Replace(routes.Document{Sites: tables[n%2]}); err != nil {
				t.Errorf("swap %d: %v", n, err)
			}
			swaps.Add(1)
		}
	})
	return func() { cancel(); wg.Wait() }
}

// A download goes on when its site is gone, and when the proxy is to end; then no
// more clients are taken, and the proxy ends with the download.
func TestRealDrain(t *testing.T) {
	o := newOrigin(t)
	sum := o.random(t, "random", 24<<20)
	engines(t, func(t *testing.T, e sniproxy.Engine) {
		p := newProxy(t, e, o.sites, nil)
		ask := curlArgs(p.tls, "--cacert", o.ca, "https://one.example/who")
		d := o.download(t, p.tls, "https")
		p.replace(t, []routes.Site{o.site(t, two)})
		require.Equal(t, 35, run(t, "", "curl", ask...).status, "the site is gone")

		ended := make(chan error)
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
			defer cancel()
			ended <- p.server.Shutdown(ctx)
		}()
		require.Eventually(t, func() bool { return run(t, "", "curl", ask...).status == 7 }, patience, 10*time.Millisecond, "refused")
		require.EqualValues(t, 1, p.server.Stats().Active, "the download goes on")
		require.NoError(t, d.Wait(t.Context()), "%s", d.Output())
		require.NoError(t, <-ended)
		content, err := os.ReadFile(d.file)
		require.NoError(t, err)
		require.Equal(t, sum, hexSum(content))
	})
}

// When the time is over, what is left ends.
func TestRealDrainEnds(t *testing.T) {
	o := newOrigin(t)
	o.random(t, "random", 24<<20)
	engines(t, func(t *testing.T, e sniproxy.Engine) {
		p := newProxy(t, e, o.sites, nil)
		secure, plain := o.download(t, p.tls, "https"), o.download(t, p.http, "http")
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		require.ErrorIs(t, p.server.Shutdown(ctx), context.DeadlineExceeded)
		for _, d := range []download{secure, plain} {
			var exit *exec.ExitError
			require.ErrorAs(t, d.Wait(t.Context()), &exit)
			require.Regexp(t, `curl: \((18|56)\)`, d.Output())
		}
		for _, proto := range []sniproxy.Proto{sniproxy.TLS, sniproxy.HTTP} {
			r := p.recorded(t, func(r *sniproxy.Record) bool { return r.Proto == proto && r.Site == one && r.Sent > 0 })
			require.Error(t, r.Err, "%v", proto)
		}
	})
}

// download is one by curl that takes its time.
type download struct {
	*peer.Process
	file string
}

// download has the first bytes when it returns.
func (o *origin) download(t *testing.T, addr netip.AddrPort, scheme string) download {
	t.Helper()
	t.Helper()
	d := download{file: filepath.Join(t.TempDir(), "random")}
	args := curlArgs(addr, "--cacert", o.ca, "--limit-rate", "8M", "-o", d.file, scheme+"://one.example/random")
	d.Process = peer.Start(t, exec.Command(peer.Look(t, "curl"), args...), peer.Options{Ready: func(context.Context) error {
		if info, err := os.Stat(d.file); err != nil || info.Size() == 0 {
			return fmt.Errorf("nothing came yet: %w", err)
		}
		return nil
	}})
	return d
}
