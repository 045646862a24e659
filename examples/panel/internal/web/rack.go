package web

import (
	"bytes"
	"fmt"
	"html/template"
)

// The measures of the drawings, in their own units.
const (
	slotWidth  = 78
	slotHeight = 40
	slotGap    = 6
	rackMargin = 14
	vlanRow    = 118
	vlanLabel  = 90
)

// rackWide is how many of n slots are drawn beside each other: so many that a drawing
// fits half a page, if they are few, or else a page.
func rackWide(n int) int {
	const half, whole = 6, 12
	if n <= 4*half {
		return half
	}
	return whole
}

// rackDrawing is a shelf as a picture.
type rackDrawing struct {
	Name          string
	Words         string
	Width, Height int
	Slots         []slotDrawing
	Rows          []rackRow
}

// rackRow is a row of slots, and what its drawing says beside it.
type rackRow struct {
	Y, Bus, Servers, Left, Right int
	Public                       int
}

// slotDrawing is a Pi's place in a drawing.
type slotDrawing struct {
	piView
	X, Y, W, H int
	// Middle is across; Bus and Servers are the height of the lines that the Pi is on.
	Middle, Bus, Servers int
}

// drawShelf draws the rack and the map of its VLANs.
func (s *Site) drawShelf(v shelfView) (rack, vlans template.HTML, err error) {
	if rack, err = s.draw("rack", rackOf(v)); err != nil {
		return "", "", err
	}
	vlans, err = s.draw("vlans", vlansOf(v))
	return rack, vlans, err
}

func (s *Site) draw(name string, data any) (template.HTML, error) {
	var b bytes.Buffer
	if err := s.templates.ExecuteTemplate(&b, name, data); err != nil {
		return "", fmt.Errorf("web: draw the %s: %w", name, err)
	}
	return template.HTML(b.String()), nil
}

func rackOf(v shelfView) rackDrawing {
	across := rackWide(len(v.Rows))
	wide, tall := min(len(v.Rows), across), (len(v.Rows)+across-1)/across
	d := rackDrawing{
		Name:   v.Name,
		Words:  fmt.Sprintf("%d Pis, each coloured and marked by its state as in the table below", len(v.Rows)),
		Width:  2*rackMargin + max(wide, 4)*(slotWidth+slotGap) - slotGap,
		Height: 2*rackMargin + tall*(slotHeight+slotGap) - slotGap,
	}
	for i, pi := range v.Rows {
		d.Slots = append(d.Slots, slotDrawing{
			piView: pi, W: slotWidth, H: slotHeight,
			X: rackMargin + i%across*(slotWidth+slotGap),
			Y: rackMargin + i/across*(slotHeight+slotGap),
		})
	}
	return d
}

// vlansOf draws each Pi on a line to the world, which it shares with all on the same
// VLAN, and on one of its own to the file server.
func vlansOf(v shelfView) rackDrawing {
	across := rackWide(len(v.Rows))
	wide, tall := min(len(v.Rows), across), (len(v.Rows)+across-1)/across
	d := rackDrawing{
		Name:   v.Name,
		Words:  fmt.Sprintf("%d Pis, each on the public VLAN, and on a VLAN of its own with the file server", len(v.Rows)),
		Width:  vlanLabel + wide*(slotWidth+slotGap) + rackMargin,
		Height: tall*vlanRow + rackMargin,
	}
	for row := range tall {
		y := row*vlanRow + rackMargin
		d.Rows = append(d.Rows, rackRow{
			Y: y, Bus: y + 8, Servers: y + vlanRow - 26, Left: vlanLabel - 8, Right: d.Width - rackMargin,
			Public: v.Rows[row*across].PublicVLAN,
		})
	}
	for i, pi := range v.Rows {
		row := d.Rows[i/across]
		x := vlanLabel + i%across*(slotWidth+slotGap)
		d.Slots = append(d.Slots, slotDrawing{
			piView: pi, W: slotWidth, H: 26, X: x, Y: row.Bus + 16, Middle: x + slotWidth/2,
			Bus: row.Bus, Servers: row.Servers,
		})
	}
	return d
}
