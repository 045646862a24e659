package web

import (
	"fmt"
	"html"
	"html/template"
	"regexp"
	"strconv"
	"strings"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/model"
	"github.com/mythic-beasts/hostkit/serialcon/vt"
)

// screens are what a console's screen may have.
var screens = markup{
	root:     "pre",
	elements: map[string][]string{"pre": {"class"}, "span": {"class", "style"}},
	attribute: func(name, value string) (string, bool) {
		if name == "style" {
			return styleClasses(value)
		}
		return value, screenClass.MatchString(value)
	},
}

var (
	screenClass = regexp.MustCompile(`^vt(-[a-z]+\d*( vt-[a-z]+\d*)*)?$`)
	screenStyle = regexp.MustCompile(`^(color|background):#([0-9a-f]{6})$`)
)

// screen is a console's screen as a part of the page.
func screen(s model.Screen) template.HTML {
	safe, err := screens.rewrite(s.HTML)
	if err != nil {
		return template.HTML(`<pre class="vt">` + html.EscapeString(s.Text) + "</pre>")
	}
	return safe
}

// styleClasses are the classes of [consoleCSS] that stand for colours in a style.
func styleClasses(style string) (classes string, ok bool) {
	var names []string
	for declaration := range strings.SplitSeq(style, ";") {
		m := screenStyle.FindStringSubmatch(declaration)
		if m == nil {
			return "", false
		}
		rgb, err := strconv.ParseUint(m[2], 16, 32)
		if err != nil {
			return "", false
		}
		kind := map[string]string{"color": "vt-f", "background": "vt-k"}[m[1]]
		names = append(names, fmt.Sprintf("%s%d", kind, nearest(uint32(rgb))))
	}
	return strings.Join(names, " "), true
}

// The palette of 256 colours has a cube of six steps a side after the sixteen, and
// then greys.
const (
	firstOfCube = 16
	firstGrey   = 232
	colours     = 256
)

// step is the brightness of a step of the cube.
func step(n int) int {
	if n == 0 {
		return 0
	}
	return 55 + 40*n
}

// paletteRGB is a colour of the palette from [firstOfCube] on.
func paletteRGB(n int) (r, g, b int) {
	if n >= firstGrey {
		grey := 8 + 10*(n-firstGrey)
		return grey, grey, grey
	}
	n -= firstOfCube
	return step(n / 36), step(n / 6 % 6), step(n % 6)
}

// nearest is the colour of the palette that is most like rgb.
func nearest(rgb uint32) int {
	red, green, blue := int(rgb>>16&0xff), int(rgb>>8&0xff), int(rgb&0xff)
	best, least := firstOfCube, 1<<30
	for n := firstOfCube; n < colours; n++ {
		r, g, b := paletteRGB(n)
		d := (r-red)*(r-red) + (g-green)*(g-green) + (b-blue)*(b-blue)
		if d < least {
			best, least = n, d
		}
	}
	return best
}

// consoleCSS is the style sheet of screens: vt's, and a class for each other colour
// of the palette.
func consoleCSS() string {
	var css strings.Builder
	css.WriteString(vt.CSS)
	for n := firstOfCube; n < colours; n++ {
		r, g, b := paletteRGB(n)
		fmt.Fprintf(&css, ".vt-f%d { color: #%02x%02x%02x; } .vt-k%d { background: #%02x%02x%02x; }\n", n, r, g, b, n, r, g, b)
	}
	return css.String()
}
