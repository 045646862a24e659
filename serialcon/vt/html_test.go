package vt_test

import (
	"encoding/xml"
	"regexp"
	"strings"
	"testing"

	"github.com/mythic-beasts/hostkit/serialcon/vt"
	"github.com/stretchr/testify/require"
)

func TestHTMLIsEscaped(t *testing.T) {
	s := show("<script>\x1b[31m\"&'\x1b[m>\x1b]0;</pre>\a")
	require.Equal(t, `<pre class="vt">&lt;script&gt;<span class="vt-f1">&#34;&amp;&#39;</span>&gt;`, visible(s.HTML())[0])
}

// Whatever is shown, the result is well formed and has no attributes but these.
func TestHTMLIsWellFormed(t *testing.T) {
	attribute := regexp.MustCompile(`^(vt|vt-[a-z0-9]+( vt-[a-z0-9]+)*|(color|background):#[0-9a-f]{6}(;background:#[0-9a-f]{6})?)$`)
	inputs := append([]string(nil), hostile...)
	for _, c := range sequences {
		inputs = append(inputs, c.input)
	}
	for _, input := range inputs {
		s := vt.New(80, 24, 100)
		s.Write([]byte(input))
		d := xml.NewDecoder(strings.NewReader(s.HTMLAll()))
		for {
			token, err := d.Token()
			if token == nil {
				require.ErrorContains(t, err, "EOF")
				break
			}
			start, ok := token.(xml.StartElement)
			if !ok {
				continue
			}
			require.Contains(t, []string{"pre", "span"}, start.Name.Local)
			for _, a := range start.Attr {
				require.Regexp(t, attribute, a.Value)
			}
		}
	}
}

// Each class that HTML uses is in the style sheet.
func TestCSS(t *testing.T) {
	classes := regexp.MustCompile(`vt-[a-z0-9]+`)
	s := vt.New(80, 24, 0)
	s.Write([]byte(colours() + "\x1b[1;2;3;4;5;7;8;9mx\x1b[m"))
	found := classes.FindAllString(s.HTML(), -1)
	require.Greater(t, len(found), 32)
	for _, class := range found {
		require.Contains(t, vt.CSS, "."+class+" {")
	}
}

func TestHTMLAllHasTheScrollback(t *testing.T) {
	s := show("\x1b[32mfirst\x1b[m\r\n" + strings.Repeat("w", 25) + strings.Repeat("\r\n", 8) + "last")
	got := s.HTMLAll()
	require.Contains(t, got, `<pre class="vt"><span class="vt-f2">first</span>`+"\n"+strings.Repeat("w", 25)+"\n")
	require.NotContains(t, s.HTML(), "first")
	require.Contains(t, show("main\x1b[?1049hother").HTMLAll(), "main")
}
