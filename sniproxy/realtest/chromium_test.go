package realtest_test

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/sniproxy"
)

// page uploads something and talks on a websocket, over TLS or not as it came itself.
const page = `<!doctype html>
<title>origin</title>
<p id="sum"></p><p id="echo"></p>
<script>
fetch('/app/sum', {method: 'POST', body: 'x'.repeat(300000)}).then(r => r.text()).then(t => sum.textContent = t);
const ws = new WebSocket(location.origin.replace('http', 'ws') + '/app/echo');
ws.onopen = () => ws.send('through the proxy');
ws.onmessage = m => echo.textContent = m.data;
</script>
`

// seen is what a person would look at.
const seen = `[location.origin, performance.getEntriesByType('navigation')[0].nextHopProtocol, sum.textContent, echo.textContent].join('|')`

// Chromium loads a page of a site by either engine, with TLS and HTTP/2 and without:
// it uploads, and it talks on a websocket.
func TestRealChromium(t *testing.T) {
	o := newOrigin(t)
	o.write(t, filepath.Join(o.files, "page.html"), []byte(page))
	proxies := map[string]*proxy{
		one: newProxy(t, sniproxy.Auto, o.sites, nil),
		two: newProxy(t, sniproxy.Portable, o.sites, nil),
	}
	var rules []string
	for name, p := range proxies {
		rules = append(rules, fmt.Sprintf("MAP %s:443 %v", name, p.tls), fmt.Sprintf("MAP %s:80 %v", name, p.http))
	}
	ctx, quit := browser(t,
		chromedp.Flag("host-resolver-rules", strings.Join(rules, ",")),
		chromedp.Flag("ignore-certificate-errors-spki-list", strings.Join(o.pins(t), ",")))
	want := fmt.Sprintf("POST 300000 %s", hexSum([]byte(strings.Repeat("x", 300000))))
	for name := range proxies {
		for _, scheme := range []string{"https", "http"} {
			_, err := chromedp.Run(ctx, chromedp.Navigate(fmt.Sprintf("%s://%s/page.html", scheme, name)))
			require.NoError(t, err)
			protocol := map[string]string{"https": "h2", "http": "http/1.1"}[scheme]
			all := fmt.Sprintf("%s://%s|%s|%s|through the proxy", scheme, name, protocol, want)
			var got string
			require.Eventually(t, func() bool {
				got, err = chromedp.Run(ctx, chromedp.Evaluate[string](seen))
				return err == nil && got == all // it is an error while the page changes
			}, patience, 50*time.Millisecond, "want %s", all)
		}
	}
	quit() // which ends the connections
	for name, p := range proxies {
		r := p.recorded(t, func(r *sniproxy.Record) bool { return r.Proto == sniproxy.TLS && r.Result == sniproxy.Routed })
		require.Greater(t, r.HelloSize, 1500, "a hello of two segments")
		upgrade := p.recorded(t, func(r *sniproxy.Record) bool { return r.Status == 101 })
		require.Equal(t, name, upgrade.Site)
	}
}

// browser starts Chromium; quit ends it, as does the end of the test.
func browser(t *testing.T, options ...chromedp.ExecAllocatorOption) (ctx context.Context, quit func()) {
	t.Helper()
	options = append(append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(peer.Look(t, "chromium")), chromedp.UserDataDir(t.TempDir()),
		chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-features", "HttpsUpgrades,HttpsFirstBalancedModeAutoEnable"),
	), options...)
	ctx, cancel := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	quit = sync.OnceFunc(func() { _ = chromedp.Cancel(ctx) })
	t.Cleanup(quit) // it must have gone when its folder is removed
	_, err := chromedp.Run(ctx, chromedp.Navigate("about:blank"))
	require.NoError(t, err)
	return ctx, quit
}

// pins are the hashes of the sites' keys, as Chromium takes them.
func (o *origin) pins(t *testing.T) (pins []string) {
	t.Helper()
	rest, err := os.ReadFile(o.ca)
	require.NoError(t, err)
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return pins
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		require.NoError(t, err)
		sum := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
		pins = append(pins, base64.StdEncoding.EncodeToString(sum[:]))
	}
}
