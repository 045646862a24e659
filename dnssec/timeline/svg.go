package timeline

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/mythic-beasts/hostkit/dnssec/rotate"
)

// Measures of the drawing, in pixels.
const (
	labelWidth = 190
	rowHeight  = 18
	barHeight  = 12
	keyGap     = 30
	axisHeight = 24
	legend     = 26
	margin     = 10
)

// paint is how a state looks: also without colours, by its height in the row.
var paint = map[rotate.RecordState]struct {
	colour string
	height int
}{
	rotate.Rumoured:    {"#c77700", barHeight / 2},
	rotate.Omnipresent: {"#1a7f37", barHeight},
	rotate.Unretentive: {"#8250df", barHeight / 3},
}

// WriteSVG draws the chart as an SVG document, to be a file or part of a page. Text
// has the colour of the text around it. What is planned is pale.
func (c *Chart) WriteSVG(w io.Writer) error {
	from, to := c.bounds()
	keys := c.keys(from, to)
	d := drawing{width: c.Width, from: from, to: to}
	if d.width == 0 {
		d.width = 960
	}
	y := margin + legend + axisHeight
	for _, k := range keys {
		y += keyGap + rowHeight*len(k.rows)
	}
	height := y + margin
	d.open(c, height)
	d.legend()
	d.axis(height - margin)
	y = margin + legend + axisHeight
	for _, k := range keys {
		d.text(margin, y+20, "font-weight=\"bold\"", k.title())
		y += keyGap
		for _, r := range k.rows {
			d.text(margin+12, y+barHeight-1, "", r.record)
			for _, s := range r.spans {
				d.span(k, r, s, y)
			}
			y += rowHeight
		}
	}
	if len(keys) == 0 {
		d.text(labelWidth, margin+legend+axisHeight+4, "", "no keys")
	}
	d.now(c.Now, height-margin)
	d.out.WriteString("</svg>\n")
	_, err := io.WriteString(w, d.out.String())
	return err
}

// drawing is an SVG that grows.
type drawing struct {
	out      strings.Builder
	width    int
	from, to time.Time
}

func (d *drawing) open(c *Chart, height int) {
	fmt.Fprintf(&d.out, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" font-family="sans-serif" font-size="12" fill="currentColor">`+"\n",
		d.width, height, d.width, height)
	fmt.Fprintf(&d.out, "<title>Keys of %s</title>\n", escape(c.Zone))
	var words []string
	for _, ch := range c.Planned {
		words = append(words, ch.String())
	}
	if len(words) == 0 {
		words = []string{"nothing"}
	}
	fmt.Fprintf(&d.out, "<desc>Planned: %s.</desc>\n", escape(strings.Join(words, "; ")))
}

// x is where a time is.
func (d *drawing) x(t time.Time) float64 {
	share := float64(t.Sub(d.from)) / float64(d.to.Sub(d.from))
	return labelWidth + share*float64(d.width-labelWidth-margin)
}

func (d *drawing) text(x, y int, attributes, text string) {
	if attributes != "" {
		attributes = " " + attributes
	}
	fmt.Fprintf(&d.out, `<text x="%d" y="%d"%s>%s</text>`+"\n", x, y, attributes, escape(text))
}

// span is a bar, with what it means as its tooltip.
func (d *drawing) span(k keyRows, r row, s span, y int) {
	p := paint[s.state]
	x1, x2 := d.x(s.from), d.x(s.to)
	until := "until " + minute(s.to)
	if s.open {
		until = "with no end in sight"
	}
	opacity := ""
	if s.planned {
		opacity = ` opacity="0.45"`
	}
	fmt.Fprintf(&d.out, `<rect x="%.1f" y="%d" width="%.1f" height="%d" fill="%s"%s><title>%s</title></rect>`+"\n",
		x1, y+(barHeight-p.height)/2, max(x2-x1, 1), p.height, p.colour, opacity,
		escape(fmt.Sprintf("%s of %s: %s, from %s, %s", r.record, k.title(), meanings[s.state], minute(s.from), until)))
}

func (d *drawing) legend() {
	x := labelWidth
	for _, state := range []rotate.RecordState{rotate.Rumoured, rotate.Omnipresent, rotate.Unretentive} {
		p := paint[state]
		fmt.Fprintf(&d.out, `<rect x="%d" y="%d" width="24" height="%d" fill="%s"/>`+"\n", x, margin+(barHeight-p.height)/2, p.height, p.colour)
		d.text(x+30, margin+barHeight-1, "", meanings[state])
		x += 30 + 7*len(meanings[state]) + 20
	}
}

// axis draws a line for each round time, as many as there is room for; without any
// it is the beginning.
func (d *drawing) axis(bottom int) {
	room := (d.width - labelWidth) / 90
	step, layout := tick(d.to.Sub(d.from), max(room, 1))
	first := d.from.UTC().Truncate(step).Add(step)
	if !first.Before(d.to) {
		first = d.from.UTC()
	}
	for t := first; t.Before(d.to); t = t.Add(step) {
		fmt.Fprintf(&d.out, `<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="currentColor" opacity="0.15"/>`+"\n",
			d.x(t), margin+legend+axisHeight-6, d.x(t), bottom)
		d.text(int(d.x(t)), margin+legend+10, `text-anchor="middle"`, t.Format(layout))
	}
}

// tick is the distance of round times, and how to write them.
func tick(length time.Duration, count int) (time.Duration, string) {
	const day = 24 * time.Hour
	for _, step := range []time.Duration{time.Second, 10 * time.Second, time.Minute, 10 * time.Minute, time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour} {
		if length/step <= time.Duration(count) {
			if step < time.Minute {
				return step, "15:04:05"
			}
			if step < time.Hour {
				return step, "15:04"
			}
			return step, "2 Jan 15:04"
		}
	}
	step := day
	for length/step > time.Duration(count) {
		step += day
	}
	return step, "2 Jan 2006"
}

func (d *drawing) now(t time.Time, bottom int) {
	if t.Before(d.from) || t.After(d.to) {
		return
	}
	fmt.Fprintf(&d.out, `<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="#cf222e" stroke-width="1.5"><title>now, %s</title></line>`+"\n",
		d.x(t), margin+legend+axisHeight-6, d.x(t), bottom, minute(t))
	fmt.Fprintf(&d.out, `<text x="%.1f" y="%d" text-anchor="middle" font-weight="bold">now</text>`+"\n", d.x(t), margin+legend+axisHeight+4)
}

func escape(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a strings.Builder takes everything
	return b.String()
}
