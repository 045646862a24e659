package main

import (
	"encoding/xml"
	"fmt"
	"strings"
)

// drawing is an SVG document that grows. It has neither scripts nor links, and all
// text goes through escape.
type drawing struct {
	strings.Builder
	width, height int
}

// box draws a rectangle with rounded corners. The class says how it looks.
func (d *drawing) box(class string, x, y, w, h int) {
	fmt.Fprintf(d, "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"6\"/>\n", class, x, y, w, h)
	d.width, d.height = max(d.width, x+w), max(d.height, y+h)
}

// text writes a line, its base line at y. It is cut where it would be longer than
// most characters.
func (d *drawing) text(class string, x, y, most int, words string) {
	if r := []rune(words); len(r) > most {
		words = string(r[:most-1]) + "…"
	}
	fmt.Fprintf(d, "<text class=\"%s\" x=\"%d\" y=\"%d\">%s</text>\n", class, x, y, escape(words))
}

// line draws a cable along points.
func (d *drawing) line(class string, points ...int) {
	fmt.Fprintf(d, "<polyline class=\"%s\" points=\"", class)
	for i := 0; i < len(points); i += 2 {
		fmt.Fprintf(d, "%s%d,%d", map[bool]string{true: " "}[i > 0], points[i], points[i+1])
	}
	d.WriteString("\"/>\n")
}

// group begins a group that shows the words when one points at it, and ends it
// when the function that it returns is called.
func (d *drawing) group(words string) (end func()) {
	fmt.Fprintf(d, "<g><title>%s</title>\n", escape(words))
	return func() { d.WriteString("</g>\n") }
}

// escape makes text of words for XML. Characters that no XML document may have
// become U+FFFD.
func escape(words string) string {
	var b strings.Builder
	xml.EscapeText(&b, []byte(words)) //nolint:errcheck // a Builder takes all
	return b.String()
}

const style = `
text { font-family: "DejaVu Sans", Verdana, sans-serif; font-size: 12px; fill: #1a1a1a; }
.title { font-size: 20px; font-weight: bold; }
.head { font-size: 15px; font-weight: bold; }
.name { font-weight: bold; font-size: 13px; }
.corner { font-size: 12px; font-weight: bold; text-anchor: end; fill: #2f6fa7; }
.small { font-size: 11px; fill: #333; }
.page { fill: #ffffff; }
.server { fill: #fdf3dc; stroke: #b98a1d; }
.switch { fill: #f2f2f2; stroke: #777777; }
.pi { fill: #e3f0fb; stroke: #2f6fa7; }
.trunk { fill: #fdf3dc; stroke: #b98a1d; }
.router { fill: #e4f4e1; stroke: #3f8a33; }
.unused { fill: #e0e0e0; stroke: #aaaaaa; }
.cable { fill: none; stroke: #b98a1d; stroke-width: 3; }
`

// document is the whole, with a margin.
func (d *drawing) document(title, description string) string {
	const margin = 20
	w, h := d.width+margin, d.height+margin
	return fmt.Sprintf(`<?xml version="1.0" encoding="UTF-8"?>
<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %[1]d %[2]d" role="img">
<title>%s</title>
<desc>%s</desc>
<style>%s</style>
<rect class="page" width="%[1]d" height="%[2]d"/>
%[6]s</svg>
`, w, h, escape(title), escape(description), style, d.String())
}
