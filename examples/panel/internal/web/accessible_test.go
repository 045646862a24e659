package web_test

import (
	_ "embed"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

//go:embed testdata/checks.js
var checks string

// widths are a small telephone's and a desk's.
var widths = []int64{360, 1280}

// Every page can be used without a mouse, without colours, without eyes and on a small
// screen, in light and in dark.
func TestRealAccessibility(t *testing.T) {
	for _, width := range widths {
		t.Run(fmt.Sprint(width), func(t *testing.T) {
			r := newRig(t)
			b := r.browse(t, width, "")
			faults := b.checkPage("/login")
			for name, paths := range map[string][]string{
				"noc":   append(pages("alice"), "/pis/pi-02", "/domains/bob.example", "/sites/www.bob.example"),
				"alice": {"/", "/?q=nothing", "/pis/pi-99", "/domains", "/account", "/audit", "/audit?who=nobody"},
			} {
				b = r.browse(t, width, name)
				for _, path := range paths {
					faults = append(faults, b.checkPage(path)...)
				}
				b.press("Log out")
				b.await("the login", `location.pathname == '/login'`)
			}
			require.Empty(t, faults)
		})
	}
}

// checkPage says what is wrong with a page, when its events have come.
func (b *tab) checkPage(path string) []string {
	b.t.Helper()
	b.open(path)
	b.await("events", `!document.body.dataset.cursor || document.getElementById('live')?.dataset.state == 'live'`)
	return b.check(path)
}

// check says what is wrong with the page that is open.
func (b *tab) check(path string) (faults []string) {
	b.t.Helper()
	for _, scheme := range []string{"light", "dark"} {
		b.scheme(scheme)
		for _, fault := range evaluate[[]string](b, checks) {
			faults = append(faults, path+" in "+scheme+": "+fault)
		}
	}
	return faults
}

// The pages that say what went wrong can be used as well.
func TestRealAccessibilityOfFailures(t *testing.T) {
	r := newRig(t)
	b := r.browse(t, 360, "alice")
	b.open("/pis/pi-01/power/off")
	b.fill("reason", "   ")
	b.press("Power off pi-01")
	b.await("the field to be wrong", `document.querySelector('[aria-invalid]')`)
	require.Empty(t, b.check("what it says then"))
	b.open("/pis/pi-01/console")
	b.press("Take the keyboard")
	b.await("the keyboard", `document.activeElement.matches('[data-keys]')`)
	require.Empty(t, b.check("what it says then"))
}

// A full shelf of 96 Pis is no other page: nothing is cut off or too small.
func TestRealFullShelf(t *testing.T) {
	r := newRig(t)
	r.house.addPis(92)
	for _, width := range widths {
		b := r.browse(t, width, "noc")
		require.Empty(t, b.checkPage("/"))
		require.Equal(t, 96, evaluate[int](b, `document.querySelectorAll('[data-pi-row]').length`))
		require.Equal(t, 2*96, evaluate[int](b, `document.querySelectorAll('svg [data-pi]').length`))
		b.quiet()
	}
}

// The checks find what they are for.
func TestRealChecks(t *testing.T) {
	r := newRig(t)
	b := r.browse(t, 360, "alice")
	b.open("/sites")
	require.Empty(t, evaluate[[]string](b, checks))
	for fault, spoil := range map[string]string{
		"has no name":         `main.append(document.createElement('button'))`,
		"comes after":         `main.append(Object.assign(document.createElement('h5'), { textContent: 'x' }))`,
		"is there twice":      `main.append(Object.assign(document.createElement('p'), { id: 'live' }))`,
		"contrast 1.":         `(() => { const p = document.createElement('p'); p.textContent = 'x'; p.setAttribute('class', 'quiet'); main.append(p); document.documentElement.style.setProperty('--quiet', '#ddd'); })()`,
		"wide on a screen of": `(() => { const p = document.createElement('p'); p.textContent = 'x'.repeat(500); main.append(p); })()`,
		"pixels":              `document.querySelector('.brand a').style.setProperty('display', 'none'), main.append(Object.assign(document.createElement('input'), { type: 'radio' }))`,
		"has no language":     `document.documentElement.removeAttribute('lang')`,
		"not there":           `document.querySelector('nav').setAttribute('aria-labelledby', 'nothing')`,
	} {
		b.open("/sites")
		b.scheme("light")
		evaluate[bool](b, `(() => { const main = document.querySelector('main'); `+spoil+`; return true; })()`)
		require.Contains(t, fmt.Sprint(evaluate[[]string](b, checks)), fault)
	}
}
