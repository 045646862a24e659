package main

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/vlan"
)

// element is what a reader of SVG gets.
type element struct {
	name, class, text string
	x, y, w, h        int
}

// readSVG reads a document strictly; what may run or load anything is an error.
func readSVG(text string) ([]element, error) {
	d := xml.NewDecoder(strings.NewReader(text))
	var all []element
	var open []int
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		switch token := token.(type) {
		case xml.StartElement:
			e := element{name: token.Name.Local}
			if !slices.Contains([]string{"svg", "title", "desc", "style", "rect", "g", "text", "polyline"}, e.name) {
				return nil, fmt.Errorf("element %s", e.name)
			}
			for _, a := range token.Attr {
				if strings.HasPrefix(a.Name.Local, "on") || strings.HasSuffix(a.Name.Local, "href") {
					return nil, fmt.Errorf("attribute %s", a.Name.Local)
				}
				n, _ := strconv.Atoi(a.Value)
				switch a.Name.Local {
				case "class":
					e.class = a.Value
				case "x":
					e.x = n
				case "y":
					e.y = n
				case "width":
					e.w = n
				case "height":
					e.h = n
				}
			}
			open = append(open, len(all))
			all = append(all, e)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) > 0 {
				all[open[len(open)-1]].text += string(token)
			}
		}
	}
}

func examplePlan(t *testing.T) *vlan.Plan {
	t.Helper()
	secrets(t)
	c, err := loadConfig("reference.toml")
	require.NoError(t, err)
	p, err := vlan.Build(c.spec, nil)
	require.NoError(t, err)
	return p
}

func TestMapShowsEverything(t *testing.T) {
	p := examplePlan(t)
	text, err := drawPlan(p, "")
	require.NoError(t, err)
	all, err := readSVG(text)
	require.NoError(t, err)
	var words []string
	for _, e := range all {
		if e.name == "text" {
			words = append(words, e.text)
		}
	}
	for _, pi := range p.Pis {
		require.Subset(t, words, []string{pi.Name, pi.Port, fmt.Sprintf("VLAN %d", pi.VID), pi.Public.Addr().String()})
		require.Contains(t, text, pi.Addr.String())
	}
	for _, sw := range p.Switches {
		require.Contains(t, words, sw.Name)
		require.Contains(t, words, sw.Uplink.Port)
	}
	require.Equal(t, len(p.Switches), strings.Count(text, "<polyline "), "a cable for each uplink")
}

// Ports do not lie on each other, and all is on the page.
func TestMapIsTidy(t *testing.T) {
	text, err := drawPlan(examplePlan(t), "a")
	require.NoError(t, err)
	all, err := readSVG(text)
	require.NoError(t, err)
	page := all[0]
	var ports []element
	for _, e := range all {
		require.LessOrEqual(t, e.x+e.w, page.w, "%+v", e)
		require.LessOrEqual(t, e.y+e.h, page.h, "%+v", e)
		if e.name == "rect" && e.h == portHeight {
			ports = append(ports, e)
		}
	}
	require.Len(t, ports, 48+1+3+3, "Pis, trunks and the router, unused ports")
	for i, a := range ports {
		for _, b := range ports[i+1:] {
			apart := a.x+a.w <= b.x || b.x+b.w <= a.x || a.y+a.h <= b.y || b.y+b.h <= a.y
			require.True(t, apart, "%+v lies on %+v", a, b)
		}
	}
}

// A drawing of words that would be markup has them as words.
func TestMapEscapes(t *testing.T) {
	var d drawing
	const evil = `</text><script>alert("1")</script>&<!--` + "\x00\x1b]]>"
	end := d.group(evil)
	d.text("name", 1, 2, 200, evil)
	end()
	text := d.document(evil, evil)
	all, err := readSVG(text)
	require.NoError(t, err)
	clean := strings.NewReplacer("\x00", "\ufffd", "\x1b", "\ufffd").Replace(evil)
	for _, e := range all {
		if e.name == "text" || e.name == "desc" {
			require.Equal(t, clean, e.text)
		}
	}

	d = drawing{}
	d.text("name", 0, 0, 5, "äöüßéè")
	require.Contains(t, d.String(), ">äöüß…<", "cut at characters, not bytes")
}
