package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/mythic-beasts/hostkit/vlan"
)

// mapCommand draws the plan.
func mapCommand(_ context.Context, a *app, args []string) error {
	var shelf, file string
	if _, err := a.Flags(args, "[-shelf NAME] [-o FILE]", 0, 0, func(fs *flag.FlagSet) {
		fs.StringVar(&shelf, "shelf", "", "draw this shelf `only`")
		fs.StringVar(&file, "o", "", "`file` to write; default is standard output")
	}); err != nil {
		return err
	}
	_, p, err := a.load()
	if err != nil {
		return err
	}
	text, err := drawPlan(p, shelf)
	if err != nil {
		return err
	}
	if file != "" {
		return os.WriteFile(file, []byte(text), 0o644)
	}
	_, err = fmt.Fprint(a.Stdout, text)
	return err
}

// The measures of the map, in pixels.
const (
	portWidth  = 172
	portHeight = 74
	portGap    = 8
	perRow     = 8
	left       = 60 // room for cables
	panel      = 34 // a switch's name, above its ports
)

// drawPlan draws a shelf, or all: the file server on top, below it each switch
// with its ports, and a cable from each uplink.
func drawPlan(p *vlan.Plan, shelf string) (string, error) {
	switches := slices.Clone(p.Switches)
	if shelf != "" {
		switches = slices.DeleteFunc(switches, func(s vlan.PlannedSwitch) bool { return s.Shelf != shelf })
	}
	if len(switches) == 0 {
		return "", fmt.Errorf("map: shelf %q has no switches in the plan", shelf)
	}
	m := &shelfMap{plan: p, bottom: 20, at: make(map[string]int), byName: make(map[string]vlan.Pi, len(p.Pis))}
	for _, pi := range p.Pis {
		m.byName[pi.Name] = pi
	}
	m.legend()
	m.fileServer(switches)
	for _, sw := range switches {
		if err := m.device(sw); err != nil {
			return "", err
		}
	}
	m.cables(switches)
	title := "Private networks of all shelves"
	if shelf != "" {
		title = "Private networks of shelf " + shelf
	}
	return m.document(title, fmt.Sprintf("%d switches, their ports, VLANs and addresses", len(switches))), nil
}

// shelfMap is a drawing from top to bottom.
type shelfMap struct {
	drawing
	plan   *vlan.Plan
	byName map[string]vlan.Pi
	bottom int            // of what is drawn so far
	at     map[string]int // height of the cable of a switch, "" the file server's
}

// legend says what holds for all.
func (m *shelfMap) legend() {
	p := m.plan
	m.text("title", left, m.bottom+20, 100, "Private networks")
	m.bottom += 44
	words := fmt.Sprintf("%d Pis, each in a /30 of %s · untagged frames on trunks: VLAN %d, with nobody in it", len(p.Pis), p.Private, p.Native)
	if p.Public.VID != 0 {
		words += fmt.Sprintf(" · public: VLAN %d, %s", p.Public.VID, p.Public.Prefix)
	}
	if p.Management != 0 {
		words += fmt.Sprintf(" · management: VLAN %d", p.Management)
	}
	m.text("small", left, m.bottom, 220, words)
	x := left
	for _, kind := range []struct{ class, words string }{
		{"pi", "Pi: its VLAN untagged, the public one tagged"}, {"trunk", "trunk: VLANs tagged"}, {"router", "router of the public VLAN"}, {"unused", "unused, shut"},
	} {
		m.box(kind.class, x, m.bottom+12, 18, 14)
		m.text("small", x+24, m.bottom+23, 60, kind.words)
		x += 50 + 7*len(kind.words)
	}
	m.bottom += 46
}

func (m *shelfMap) fileServer(switches []vlan.PlannedSwitch) {
	const height = 52
	var ifaces []string
	for _, sw := range switches {
		if sw.Uplink.To == "" && !slices.Contains(ifaces, sw.Uplink.Iface) {
			ifaces = append(ifaces, sw.Uplink.Iface)
		}
	}
	m.box("server", left, m.bottom, perRow*(portWidth+portGap)+portGap, height)
	m.text("head", left+14, m.bottom+22, 60, "File server")
	for i, iface := range ifaces {
		ifaces[i] = fmt.Sprintf("%s: one interface for each VLAN, as %[1]s.%d", iface, m.firstVID(iface))
	}
	m.text("small", left+14, m.bottom+41, 200, strings.Join(ifaces, " · "))
	m.at[""] = m.bottom + height/2
	m.bottom += height + 24
}

// firstVID is an example of a VLAN that ends at an interface.
func (m *shelfMap) firstVID(iface string) vlan.VID {
	for _, pi := range m.plan.Pis {
		if pi.Iface == iface {
			return pi.VID
		}
	}
	return m.plan.Native
}

// device draws a switch: its name, and its ports in rows.
func (m *shelfMap) device(sw vlan.PlannedSwitch) error {
	c, err := m.plan.Switch(sw.Name)
	if err != nil {
		return err
	}
	rows := (len(c.Ports) + perRow - 1) / perRow
	m.box("switch", left, m.bottom, perRow*(portWidth+portGap)+portGap, panel+rows*(portHeight+portGap)+4)
	m.text("head", left+14, m.bottom+23, 60, sw.Name)
	m.text("small", left+300, m.bottom+23, 140, fmt.Sprintf("shelf %s · uplink %s · %d VLANs", sw.Shelf, sw.Uplink.Port, len(c.VLANs)))
	m.at[sw.Name] = m.bottom + 17
	for i, port := range c.Ports {
		x := left + portGap + i%perRow*(portWidth+portGap)
		m.port(sw.Name, port, x, m.bottom+panel+i/perRow*(portHeight+portGap))
	}
	m.bottom += panel + rows*(portHeight+portGap) + 28
	return nil
}

var classes = map[vlan.Role]string{
	vlan.PiPort: "pi", vlan.TrunkPort: "trunk", vlan.RouterPort: "router", vlan.UnusedPort: "unused",
}

// port draws one port: who is there, its name, and its addresses or VLANs.
func (m *shelfMap) port(sw string, port vlan.PortMode, x, y int) {
	lines, corner := [4]string{port.Peer, port.Port}, ""
	switch port.Role {
	case vlan.PiPort:
		pi := m.byName[port.Peer]
		corner = fmt.Sprintf("VLAN %d", pi.VID)
		lines[2] = fmt.Sprintf("%s · server .%d", pi.Addr, pi.Server.As4()[3])
		lines[3] = publicText(pi)
	case vlan.UnusedPort:
		lines[0] = "unused"
	default:
		lines[2] = vlansText("tagged", port.Tagged)
		lines[3] = vlansText("untagged", port.Untagged)
	}
	words := []string{sw + " port " + port.Port, lines[0], vlansText("untagged", port.Untagged), vlansText("tagged", port.Tagged)}
	if port.Role == vlan.PiPort {
		words = append(words, lines[2:]...)
	}
	end := m.group(strings.Join(words, ", "))
	m.box(classes[port.Role], x, y, portWidth, portHeight)
	m.text("name", x+8, y+17, 18-len(corner)/2, lines[0])
	m.text("corner", x+portWidth-8, y+17, 10, corner)
	for i, line := range lines[1:] {
		m.text("small", x+8, y+33+15*i, 26, line)
	}
	end()
}

func vlansText(kind string, set vlan.VIDs) string {
	if len(set) == 0 {
		return kind + ": none"
	}
	return kind + ": " + set.String()
}

// cables leads each uplink to what it ends at, one beside the other.
func (m *shelfMap) cables(switches []vlan.PlannedSwitch) {
	const step = 7
	lanes := 0
	for _, sw := range switches {
		to, drawn := m.at[sw.Uplink.To]
		if !drawn {
			continue // it leads to another shelf
		}
		x := left - 12 - step*(lanes%6)
		lanes++
		m.line("cable", left, m.at[sw.Name], x, m.at[sw.Name], x, to, left, to)
	}
}
