package main

import (
	"bytes"
	"context"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/peer"
)

// writeScreenshots in the environment has TestRealChromium write the pictures that the
// READMEs show.
const writeScreenshots = "HOSTKIT_WRITE_SCREENSHOT"

// tab is a Chromium of its own.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu   sync.Mutex // guards all below
	said []string
}

func browse(t *testing.T) *tab {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(peer.Look(t, "chromium")),
		chromedp.UserDataDir(t.TempDir()),
		chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
	)
	ctx, cancel := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	t.Cleanup(func() { _ = chromedp.Cancel(ctx) }) // it must have gone when its folder is removed
	b := &tab{t: t, ctx: ctx}
	messages := chromedp.Console(ctx)
	go func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			b.mu.Lock()
			b.said = append(b.said, fmt.Sprintf("%+v", m))
			b.mu.Unlock()
		}
	}()
	require.NoError(t, chromedp.Do(ctx, chromedp.EmulateViewport(1280, 800)))
	return b
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 2*time.Minute)
	defer cancel()
	require.NoError(b.t, chromedp.Do(ctx, steps...))
}

// await waits until an expression is true on the page, whichever that is by then.
func (b *tab) await(what, expression string) {
	b.t.Helper()
	require.Eventually(b.t, func() bool {
		ctx, cancel := context.WithTimeout(b.ctx, 30*time.Second)
		defer cancel()
		ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`document.readyState == 'complete' && Boolean(`+expression+`)`))
		return err == nil && ok // between two pages there is none to ask
	}, 3*time.Minute, 50*time.Millisecond, "%s: %s", what, expression)
}

func (b *tab) press(selector string) {
	b.t.Helper()
	b.do(chromedp.Click(chromedp.CSS(selector)))
}

func (b *tab) fill(selector, text string) {
	b.t.Helper()
	b.do(chromedp.SendKeys(chromedp.CSS(selector), text))
}

// class counts the Pis of a class, in the page's own language.
func class(name string) string {
	return fmt.Sprintf(`document.querySelectorAll('[data-pi-row][data-class=%q]').length`, name)
}

// An operator watches the company work, and presses what there is to press.
func TestRealChromium(t *testing.T) {
	speed := "4"
	if os.Getenv(writeScreenshots) != "" {
		speed = "1" // as a person sees it
	}
	b := browse(t)
	c := start(t, "-pis", "8", "-speed", speed)
	b.do(chromedp.Navigate(c.url))
	b.fill("#name", "noc")
	b.fill("#password", c.password)
	b.press("button.main")
	b.await("the shelf", `location.pathname == '/'`)
	b.do(chromedp.EvaluateAsDevTools[chromedp.Void](`window.same = true`))

	b.await("boots half way", class("up")+` >= 2`)
	b.screenshot("panel.png")
	b.await("all Pis up", class("up")+` == 8 && document.getElementById('summary').textContent == '8 of 8 up\n'.trim()`)
	b.await("the same page", `window.same`)

	b.powerCycle("pi-03")
	b.await("it to load", `document.querySelector('#pi-state').dataset.class == 'loading' && document.querySelector('#pi-state progress').position > 0.5`)
	b.await("its console", `document.querySelector('#screen-text').textContent.includes('TFTP: ')`)
	b.screenshot("panel-pi.png")
	b.await("it to be up", `document.querySelector('#pi-state').dataset.class == 'up'`)

	b.do(chromedp.Navigate(c.url + "/domains"))
	b.press("tbody a")
	b.await("the domain", `document.getElementById('dnssec')`)
	b.await("DNSSEC and a certificate", `document.querySelector('#dnssec .state').textContent == 'secure' && document.querySelector('#certificate dl')`)
	b.screenshot("panel-domain.png")
	b.press("#certificate button.main")
	b.await("the answer", `document.querySelector('.note[role=status]')`)

	b.do(chromedp.Navigate(c.url + "/sites"))
	b.press("tbody a")
	b.await("the site", `document.getElementById('site-proxy')`)
	b.press("#site-proxy button.main")
	b.await("the verdict", `document.querySelector('#verdict').textContent.trim() != 'Nobody has asked them yet.'`)
	b.do(chromedp.Navigate(c.url + "/audit?action=pi.power"))
	b.await("the audit log", `document.querySelector('td[data-label=Why]')?.textContent == 'it is slow'`)
	b.mu.Lock()
	require.Empty(t, b.said, "errors on the console, or violations of the policy")
	b.mu.Unlock()
	require.Zero(t, c.stop())
}

// powerCycle does so, from the shelf, and leaves the page of the Pi open.
func (b *tab) powerCycle(pi string) {
	b.t.Helper()
	b.press(fmt.Sprintf(`button[aria-label="Power cycle %s"]`, pi))
	b.await("the question", `document.getElementById('reason')`)
	b.fill("#reason", "it is slow")
	b.press("main button")
	b.await("the Pi", `document.getElementById('pi-state') && document.querySelector('.note[role=status]')`)
}

// screenshot takes a picture of the page, and writes it if it is asked to.
func (b *tab) screenshot(name string) {
	b.t.Helper()
	data, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	require.NoError(b.t, err)
	picture, err := png.Decode(bytes.NewReader(data))
	require.NoError(b.t, err)
	require.Equal(b.t, "(1280,800)", picture.Bounds().Size().String())
	require.Less(b.t, len(data), 300_000)
	if os.Getenv(writeScreenshots) != "" {
		path := filepath.Join("..", "..", "docs", name)
		require.NoError(b.t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(b.t, os.WriteFile(path, data, 0o644))
	}
}
