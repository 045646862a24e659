package web_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/model"
)

// presses lists the buttons of a page. Passkeys, consoles and one's own session have
// tests of their own.
const presses = `[...document.querySelectorAll('main button')]
	.filter((e) => e.checkVisibility() && !e.closest('[data-passkey], [action*="/console"], [action="/account/password"]'))
	.map((e) => (e.getAttribute('aria-label') ?? e.textContent).trim())
	.filter((name) => !name.startsWith('End the session'))`

// fillIn writes something into what must be filled in.
const fillIn = `document.querySelectorAll('main [required]').forEach((e) => { e.value ||= 'a test'; })`

// A customer and an operator press every button there is, at two widths. Each does
// what it says, the browser complains of nothing, and all is in the audit log.
func TestRealButtons(t *testing.T) {
	for _, width := range widths {
		for _, name := range []string{"alice", "noc"} {
			t.Run(fmt.Sprintf("%s at %d", name, width), func(t *testing.T) {
				r := newRig(t)
				b := r.browse(t, width, name)
				pressed := 0
				for _, path := range pages("alice") {
					if path == "/?q=up" || strings.HasSuffix(path, "/log?q=panic") && name == "noc" {
						continue
					}
					b.open(path)
					for _, button := range evaluate[[]string](b, presses) {
						b.pressAndWait(path, button)
						pressed++
					}
				}
				b.pressAndWait("/domains/alice.example", "Turn DNSSEC on")
				require.Greater(t, pressed, 25)
				require.Subset(t, r.house.done(), []string{
					fmt.Sprintf(`on pi-01 for "a test" by %s`, name), fmt.Sprintf(`off pi-01 for "a test" by %s`, name),
					fmt.Sprintf(`cycle pi-01 for "a test" by %s`, name), "rebuild pi-01 by " + name,
					"dnssec alice.example false by " + name, "dnssec alice.example true by " + name, "roll alice.example by " + name,
					"certify alice.example by " + name, "probe www.alice.example",
					"proxy www.alice.example off by " + name, "proxy www.alice.example v1 by " + name, "proxy www.alice.example v2 by " + name,
				})
				b.open("/audit?who=" + name + "&thing=pi-01")
				require.Equal(t, 4, evaluate[int](b, `[...document.querySelectorAll('td[data-label=Why]')].filter((e) => e.textContent == 'a test').length`))
				b.press("Log out")
				b.await("the login", `location.pathname == '/login'`)
				b.quiet()
			})
		}
	}
}

// pressAndWait opens a page, presses a button of it, and waits for what comes.
func (b *tab) pressAndWait(path, button string) {
	b.t.Helper()
	b.open(path)
	evaluate[bool](b, fillIn+`, window.stale = true`)
	b.press(button)
	b.await(path+": "+button, `(!window.stale || document.querySelector('[data-copy]')?.textContent.match(/Copied|Selected/))`)
	trouble := evaluate[string](b, `document.querySelector('main > [role=alert]')?.textContent ?? ''`)
	require.Empty(b.t, trouble, "%s: %s", path, button)
}

// A page follows what happens without being loaded again: what is focused stays so, and
// what is being typed stays typed.
func TestRealLive(t *testing.T) {
	r := newRig(t)
	b := r.browse(t, 1280, "noc")
	b.await("events", `document.getElementById('live').dataset.state == 'live'`)
	evaluate[bool](b, `window.same = true`)
	b.fill("q", "pi-0")
	evaluate[bool](b, `document.querySelector('#row-pi-02 button').focus(), true`)
	r.house.change("pi-02", func(p *model.Pi) {
		p.Boot = model.Boot{Class: model.Up, Up: time.Now(), Stage: "up", Loaded: 2e6, Total: 2e6}
		p.Watts = 4.25
	})
	b.await("the row", `document.querySelector('#row-pi-02').dataset.class == 'up' && document.querySelector('#row-pi-02').textContent.includes('4.2 W')`)
	b.await("the drawings", `[...document.querySelectorAll('[data-pi="pi-02"]')].every((e) => e.dataset.class == 'up') && document.querySelector('[data-pi="pi-02"] .mark').textContent == 'up'`)
	b.await("the summary", `document.getElementById('summary').textContent.startsWith('2 of 4 up')`)
	require.True(t, evaluate[bool](b, `window.same && document.activeElement.matches('#row-pi-02 button') && document.querySelector('#q').value == 'pi-0'`))

	evaluate[bool](b, `(() => { const q = document.querySelector('#q'); q.value = 'bob UP'; q.dispatchEvent(new Event('input')); return true; })()`)
	require.Equal(t, []string{"row-pi-02"}, evaluate[[]string](b, `[...document.querySelectorAll('[data-pi-row]')].filter((e) => e.checkVisibility()).map((e) => e.id)`))
	b.quiet()

	b.open("/pis/pi-01")
	b.await("events", `document.getElementById('live').dataset.state == 'live'`)
	r.house.screens["pi-01"].say("Debian GNU/Linux <hello>")
	b.await("the console", `document.getElementById('screen-text').textContent.includes('Debian GNU/Linux <hello>')`)
	require.Equal(t, "rgb(255, 135, 0)", evaluate[string](b, `getComputedStyle(document.querySelector('.vt span')).backgroundColor`), "the guest's colours are seen")
	b.quiet()
}

// When its session is ended elsewhere, a page shows nothing more.
func TestRealSessionEnds(t *testing.T) {
	r := newRig(t)
	b := r.browse(t, 1280, "alice")
	b.open("/pis/pi-01")
	b.await("events", `document.getElementById('live').dataset.state == 'live'`)
	r.login(t, "alice").post("/account/sessions/revoke", nil)
	b.await("the login", `location.pathname == '/login'`)
}

// A person reads a console, takes its keyboard, types, and leaves it by Escape twice.
func TestRealConsole(t *testing.T) {
	for _, width := range widths {
		r := newRig(t)
		b := r.browse(t, width, "alice")
		b.open("/pis/pi-01")
		b.press("Open the console")
		b.await("the console", `location.pathname == '/pis/pi-01/console' && document.getElementById('live').dataset.state == 'live'`)
		b.key("nobody types yet\r")
		require.NotContains(t, r.house.text("pi-01"), "nobody")
		b.press("Take the keyboard")
		b.await("the keyboard", `document.activeElement.matches('[data-keys]') && document.getElementById('live')?.dataset.state == 'live'`)
		evaluate[bool](b, `document.getElementById('aloud').checked = true`)
		b.key("ls -l\r")
		b.key("\t" + kb.ArrowUp)
		b.await("what was typed", `document.getElementById('screen-text').textContent.includes('ls -l\n\t\u001b[A') || document.getElementById('screen-text').textContent.includes('ls -l\n\t\ufffd[A')`)
		require.True(t, strings.HasSuffix(r.house.text("pi-01"), "ls -l\n\t\x1b[A"), "%q", r.house.text("pi-01"))
		b.await("what is said", `document.getElementById('spoken').textContent.includes('ls -l')`)
		b.do(chromedp.KeyEvent("c", chromedp.KeyModifiers(kb.ModifierCtrl)))
		require.Eventually(t, func() bool { return strings.HasSuffix(r.house.text("pi-01"), "^C") }, time.Minute, 10*time.Millisecond)

		b.fill("line", "from a telephone")
		b.press("Send with Enter")
		b.await("the line", `document.getElementById('screen-text').textContent.includes('from a telephone')`)
		for _, button := range []string{"Send without", "Ctrl-C", "Ctrl-D", "Escape", "Tab"} {
			evaluate[bool](b, `window.stale = true`)
			b.press(button)
			b.await(button, `!window.stale && document.activeElement.matches('[data-keys]')`)
		}
		b.key(kb.Escape + kb.Escape)
		b.await("to have left", `!location.search && document.getElementById('keyboard')`)
		require.Empty(t, r.house.holder("pi-01"))

		r.login(t, "noc").takeKeyboard("pi-01")
		b.press("Take it from whoever has it")
		b.await("the keyboard", `document.activeElement.matches('[data-keys]')`)
		b.press("Leave the keyboard")
		b.await("to have left", `!location.search && document.getElementById('keyboard')`)
		b.quiet()
	}
}

// tabs writes down what the Tab key focuses, and whether that is seen.
const tabs = `(() => {
	window.order = [];
	document.activeElement.blur();
	document.addEventListener('focusin', ({ target }) => {
		const style = getComputedStyle(target);
		window.order.push({ at: window.stops.indexOf(target), seen: style.outlineStyle != 'none' && parseFloat(style.outlineWidth) >= 2 });
	});
	window.stops = [...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, [tabindex="0"]')].filter((e) => e.checkVisibility());
	return window.stops.length;
})()`

// stop is what the Tab key focused.
type stop struct {
	At   int
	Seen bool
}

// The Tab key reaches every control, in the order of the page, and shows where it is.
func TestRealTabOrder(t *testing.T) {
	r := newRig(t)
	for _, width := range widths {
		b := r.browse(t, width, "alice")
		for _, path := range []string{"/", "/pis/pi-01", "/pis/pi-01/rebuild", "/pis/pi-01/console", "/domains/alice.example", "/sites/www.alice.example", "/account", "/audit"} {
			b.open(path)
			n := evaluate[int](b, tabs)
			b.key(strings.Repeat("\t", n))
			order := evaluate[[]stop](b, `window.order`)
			var want []stop
			for i := range n {
				want = append(want, stop{i, true})
			}
			require.Equal(t, want, order, path)
		}
		b.quiet()
	}
}

// Without a mouse a Pi is found, switched off with a reason, and that is read.
func TestRealWithoutMouse(t *testing.T) {
	r := newRig(t)
	b := r.browse(t, 360, "alice")
	reach := func(name string) {
		require.Eventually(t, func() bool {
			b.key("\t")
			return evaluate[string](b, `(document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent).trim()`) == name
		}, time.Minute, time.Millisecond, name)
	}
	reach("pi-01")
	b.key("\r")
	b.await("the Pi", `location.pathname == '/pis/pi-01'`)
	reach("Power off")
	b.key("\r")
	b.await("the question", `location.pathname == '/pis/pi-01/power/off'`)
	require.Eventually(t, func() bool {
		b.key("\t")
		return evaluate[string](b, `document.activeElement.id`) == "reason"
	}, time.Minute, time.Millisecond)
	b.key("it smells of smoke\r")
	b.await("the answer", `document.querySelector('.note[role=status]')?.textContent.includes('Power off pi-01: done.')`)
	require.Equal(t, []string{`off pi-01 for "it smells of smoke" by alice`}, slices.DeleteFunc(r.house.done(), func(s string) bool { return s == "" }))
	b.quiet()
}
