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

// writeScreenshot in the environment has TestRealChromium write the picture
// that the README shows.
const writeScreenshot = "HOSTKIT_WRITE_SCREENSHOT"

// browser returns the context of a Chromium of its own, and a function that
// returns all that its console and its policy checks have said.
func browser(t *testing.T) (ctx context.Context, complaints func() []string) {
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
	var mu sync.Mutex
	var said []string
	messages := chromedp.Console(ctx)
	go func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			mu.Lock()
			said = append(said, fmt.Sprintf("%+v", m))
			mu.Unlock()
		}
	}()
	return ctx, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return said
	}
}

// awaitPage waits until an expression is true on the page.
func awaitPage(ctx context.Context, t *testing.T, what, expression string) {
	t.Helper()
	_, err := chromedp.Run(ctx, chromedp.Poll[bool](expression,
		chromedp.WithPollingInterval(100*time.Millisecond), chromedp.WithPollingTimeout(90*time.Second)))
	require.NoError(t, err, what)
}

// classes counts rows of a class, in the page's own language.
func classes(class string) string {
	return fmt.Sprintf(`document.querySelectorAll('tr[data-class=%q]').length`, class)
}

// class is a machine's, in the page's own language.
func class(machine string) string {
	return fmt.Sprintf(`document.querySelector('tr[data-machine=%q]').dataset.class`, machine)
}

// press presses a machine's button.
func press(ctx context.Context, t *testing.T, machine string) {
	t.Helper()
	_, err := chromedp.Run(ctx, chromedp.Click(chromedp.CSS(fmt.Sprintf(`button[aria-label="Power cycle %s"]`, machine))))
	require.NoError(t, err)
}

// A person opens the page, watches the shelf boot, and power cycles a Pi.
func TestRealChromium(t *testing.T) {
	speed := "4"
	if os.Getenv(writeScreenshot) != "" {
		speed = "1" // as a person sees it
	}
	ctx, complaints := browser(t)
	_, err := chromedp.Run(ctx, chromedp.EmulateViewport(1200, 800))
	require.NoError(t, err)
	url, stop := startDemo(t, "-pis", "12", "-speed", speed)
	_, err = chromedp.Run(ctx, chromedp.Navigate(url))
	require.NoError(t, err)
	_, err = chromedp.Run(ctx, chromedp.Evaluate[bool](`window.samePage = true`))
	require.NoError(t, err)

	awaitPage(ctx, t, "boots half way", classes("up")+` >= 3 && `+classes("loading")+` >= 4`)
	press(ctx, t, "pi-07")
	awaitPage(ctx, t, "a Pi that begins anew", class("pi-07")+` == 'asking'`)
	screenshot(ctx, t)
	awaitPage(ctx, t, "all Pis up", classes("up")+` == 12`)
	awaitPage(ctx, t, "the summary", `document.getElementById('summary').textContent == '12 of 12 up'`)
	awaitPage(ctx, t, "full bars", `[...document.querySelectorAll('progress')].every(bar => bar.value == bar.max)`)

	press(ctx, t, "pi-03")
	awaitPage(ctx, t, "the Pi to be off", class("pi-03")+` == 'off'`)
	awaitPage(ctx, t, "the Pi to load", class("pi-03")+` == 'loading'`)
	awaitPage(ctx, t, "the Pi to be up again", class("pi-03")+` == 'up'`)
	awaitPage(ctx, t, "the log to tell", `document.getElementById('log').textContent.includes('pi-03 power is off')`)
	same, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`window.samePage === true`))
	require.NoError(t, err)
	require.True(t, same, "the page was not loaded again")
	require.Empty(t, complaints(), "errors on the console, or violations of the policy")
	require.Zero(t, stop())
}

// screenshot takes a picture of the page, and writes it if it is asked to.
func screenshot(ctx context.Context, t *testing.T) {
	t.Helper()
	data, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	require.NoError(t, err)
	picture, err := png.Decode(bytes.NewReader(data))
	require.NoError(t, err)
	require.Equal(t, "(1200,800)", picture.Bounds().Size().String())
	require.Less(t, len(data), 200_000)
	if os.Getenv(writeScreenshot) != "" {
		path := filepath.Join("..", "..", "docs", "panel.png")
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, data, 0o644))
	}
}
