package web_test

import (
	"encoding/xml"
	"errors"
	"html"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/model"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/web"
	"github.com/mythic-beasts/hostkit/serialcon/vt"
)

func TestDrawing(t *testing.T) {
	got := string(web.Drawing(timelineSVG))
	require.Contains(t, got, `<svg fill="currentColor" font-size="12" height="120" role="img" viewBox="0 0 960 120"`)
	require.Contains(t, got, "<title>Keys of alice.example</title>")
	require.Contains(t, got, `<rect fill="#1a7f37" height="12" opacity="0.45" width="400.5" x="190" y="60"><title>DNSKEY</title></rect>`)
	require.Empty(t, web.Drawing(""))
}

// What a drawing of the house never has makes it none at all.
func TestDrawingRefuses(t *testing.T) {
	const svg = `<svg xmlns="http://www.w3.org/2000/svg">`
	for name, document := range map[string]string{
		"script":              svg + `<script>alert(1)</script></svg>`,
		"script by namespace": svg + `<x:script xmlns:x="http://www.w3.org/2000/svg">alert(1)</x:script></svg>`,
		"handler":             svg + `<rect onclick="alert(1)"/></svg>`,
		"handler of the root": `<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"></svg>`,
		"link":                svg + `<a href="javascript:alert(1)"><text>x</text></a></svg>`,
		"reference":           svg + `<use href="#x"/></svg>`,
		"style":               svg + `<style>*{}</style></svg>`,
		"style attribute":     svg + `<rect style="fill:url(x)"/></svg>`,
		"url":                 svg + `<rect fill="url(https://evil.example/)"/></svg>`,
		"HTML":                svg + `<foreignObject><p/></foreignObject></svg>`,
		"animation":           svg + `<set attributeName="href" to="javascript:alert(1)"/></svg>`,
		"not SVG":             `<p>x</p>`,
		"two":                 svg + `</svg>` + svg + `</svg>`,
		"nested":              svg + svg + `</svg></svg>`,
		"another namespace":   `<svg xmlns="http://www.w3.org/1999/xhtml"></svg>`,
		"doctype":             `<!DOCTYPE svg [<!ENTITY x "y">]>` + svg + `</svg>`,
		"instruction":         `<?xml-stylesheet href="x"?>` + svg + `</svg>`,
		"not closed":          svg + `<g>`,
		"closed twice":        svg + `</svg></svg>`,
		"crossed":             svg + `<g><text></g></text></svg>`,
		"deep":                svg + strings.Repeat("<g>", 40) + strings.Repeat("</g>", 40) + `</svg>`,
		"large":               svg + strings.Repeat(" ", 1<<20) + `</svg>`,
		"after the end":       svg + `</svg><g></g>`,
		"closing tag alone":   `</svg>`,
	} {
		t.Run(name, func(t *testing.T) { require.Empty(t, web.Drawing(document)) })
	}
}

func TestDrawingEscapes(t *testing.T) {
	got := string(web.Drawing(`<svg xmlns="http://www.w3.org/2000/svg"><!-- - --><text>&lt;script&gt; &amp; <![CDATA[<b>]]></text></svg>`))
	require.Equal(t, `<svg xmlns="http://www.w3.org/2000/svg"><text>&lt;script&gt; &amp; &lt;b&gt;</text></svg>`, got)
}

// What a terminal makes of what a guest sends comes through: text, classes, and colours
// as classes, since the policy allows no styles.
func TestScreen(t *testing.T) {
	terminal := vt.New(80, 24, 0)
	terminal.Write([]byte("\x1b[1;31mbad\x1b[0m <script>alert(\"1\")</script> \x1b[38;5;208morange\x1b[48;2;1;2;3m exact\x1b[0m"))
	source := terminal.HTML()
	require.Contains(t, source, "style=", "or the test shows nothing")
	got := string(web.Screen(model.Screen{HTML: source}))
	require.Contains(t, got, `<span class="vt-b vt-f1">bad</span> &lt;script&gt;alert(&#34;1&#34;)&lt;/script&gt; `)
	require.Contains(t, got, `<span class="vt-f208">orange</span>`)
	require.Contains(t, got, `<span class="vt-f208 vt-k16"> exact</span>`)
	require.NotContains(t, got, "style")
	css := web.ConsoleCSS()
	require.Contains(t, css, ".vt-f208 { color: #ff8700; }")
	require.Contains(t, css, ".vt-k16 { background: #000000; }")
	require.Contains(t, css, ".vt-k255 { background: #eeeeee; }")
}

// A screen that is not as a terminal makes it is shown as text.
func TestScreenFallsBack(t *testing.T) {
	for _, markup := range []string{
		`<pre class="vt"><img src=x></pre>`,
		`<pre class="vt"><span class="skip">x</span></pre>`,
		`<pre class="vt"><span onclick="x">x</span></pre>`,
		`<pre class="vt"><span style="color:red">x</span></pre>`,
		`<pre class="vt"><span style="color:#fffffff">x</span></pre>`,
		`<div>x</div>`, ``, `<pre class="vt">`,
	} {
		got := web.Screen(model.Screen{HTML: markup, Text: "a <b>"})
		require.Equal(t, `<pre class="vt">a &lt;b&gt;</pre>`, string(got), markup)
	}
}

// Whatever comes, what stands on the page is well-formed, has known elements alone, and
// neither handlers nor addresses.
func FuzzMarkup(f *testing.F) {
	f.Add(timelineSVG)
	f.Add(`<pre class="vt"><span class="vt-b" style="color:#123456;background:#654321">x &amp; y</span></pre>`)
	f.Add(`<svg xmlns="http://www.w3.org/2000/svg"><script>x</script></svg>`)
	f.Add(`<svg xmlns="http://www.w3.org/2000/svg"><rect fill="url(x)"/></svg>`)
	f.Fuzz(func(t *testing.T, document string) {
		check(t, string(web.Drawing(document)))
		got := string(web.Screen(model.Screen{HTML: document, Text: "plain"}))
		require.NotEmpty(t, got)
		check(t, got)
	})
}

// check parses markup that is about to be on a page.
func check(t *testing.T, markup string) {
	t.Helper()
	in := xml.NewDecoder(strings.NewReader(markup))
	for {
		token, err := in.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		require.NoError(t, err, markup)
		e, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		require.Contains(t, "svg title desc g rect line circle path polyline polygon text tspan pre span", e.Name.Local)
		for _, a := range e.Attr {
			require.False(t, strings.HasPrefix(a.Name.Local, "on"), markup)
			require.NotContains(t, []string{"style", "href", "src"}, a.Name.Local, markup)
			require.NotContains(t, strings.ToLower(html.UnescapeString(a.Value)), "url(", markup)
			require.NotContains(t, strings.ToLower(a.Value), "script:", markup)
		}
	}
}
