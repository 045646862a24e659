package web_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/peer"
)

// tab is a Chromium of its own, with a person before it.
type tab struct {
	t   *testing.T
	ctx context.Context
	url string

	mu   sync.Mutex // guards all below
	said []string
}

// browse opens a browser of a width, as who is logged in. "" is nobody.
func (r *rig) browse(t *testing.T, width int64, name string) *tab {
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
	b := &tab{t: t, ctx: ctx, url: r.url}
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
	require.NoError(t, chromedp.Do(ctx, chromedp.EmulateViewport(width, 900))) // the browser lives as long as this context
	if name == "" {
		return b
	}
	b.open("/login")
	b.fill("name", name)
	b.fill("password", password)
	b.press("Log in")
	b.await("the first page", `location.pathname == '/'`)
	return b
}

// quiet checks that the browser has complained of nothing: no error, no violation of
// the policy.
func (b *tab) quiet() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	require.Empty(b.t, b.said)
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 2*time.Minute)
	defer cancel()
	require.NoError(b.t, chromedp.Do(ctx, steps...))
}

// open opens a page.
func (b *tab) open(path string) {
	b.t.Helper()
	b.do(chromedp.Navigate(b.url + path))
}

// evaluate returns what an expression is on the page.
func evaluate[T any](b *tab, expression string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 2*time.Minute)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	require.NoError(b.t, err, expression)
	return value
}

// await waits until an expression is true on the page, whichever that is by then.
func (b *tab) await(what, expression string) {
	b.t.Helper()
	require.Eventually(b.t, func() bool {
		ctx, cancel := context.WithTimeout(b.ctx, 30*time.Second)
		defer cancel()
		ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`document.readyState == 'complete' && Boolean(`+expression+`)`))
		return err == nil && ok // between two pages there is none to ask
	}, 90*time.Second, 30*time.Millisecond, "%s: %s", what, expression)
}

func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string always can be
	}
	return string(b)
}

// fill fills a field in.
func (b *tab) fill(name, value string) {
	b.t.Helper()
	evaluate[string](b, fmt.Sprintf(`document.querySelector('[name=%s]:not([type=hidden])').value = %s`, name, quote(value)))
}

// place is where a control is, and whether it is the one that is hit there.
type place struct {
	X, Y float64
	Hit  bool
}

// control is the one with a name, in the page's own language.
func control(name string) string {
	return fmt.Sprintf(`[...document.querySelectorAll('button, a[href]')].find((e) => (e.getAttribute('aria-label') ?? e.textContent).trim() == %s)`, quote(name))
}

// press presses the button or link with a name by the mouse, as a person does: where
// it is seen, if nothing is in front of it.
func (b *tab) press(name string) {
	b.t.Helper()
	b.pressAt(name, control(name))
}

func (b *tab) pressAt(name, expression string) {
	b.t.Helper()
	at := evaluate[place](b, fmt.Sprintf(`(() => {
		const e = %s;
		if (!e) return { X: -1, Y: -1, Hit: false };
		e.scrollIntoView({ block: 'center', behavior: 'instant' });
		const box = e.getBoundingClientRect();
		const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
		const hit = document.elementFromPoint(x, y);
		return { X: x, Y: y, Hit: Boolean(hit) && (e == hit || e.contains(hit)) };
	})()`, expression))
	require.True(b.t, at.Hit, "%s cannot be pressed: %+v", name, at)
	b.do(chromedp.MouseClickXY(at.X, at.Y))
}

// key presses keys.
func (b *tab) key(keys string) {
	b.t.Helper()
	b.do(chromedp.KeyEvent(keys))
}

// scheme asks for dark or light colours.
func (b *tab) scheme(value string) {
	b.t.Helper()
	features := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: value}, {Name: "prefers-reduced-motion", Value: "reduce"}}
	ctx, cancel := context.WithTimeout(b.ctx, time.Minute)
	defer cancel()
	_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features})
	require.NoError(b.t, err)
}
