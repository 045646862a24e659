package web

import (
	"cmp"
	"fmt"
	"html/template"
	"slices"
	"strings"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/model"
)

// piView is a Pi with what its templates need beside it.
type piView struct {
	model.Pi
	// ShowOwner is whether who looks sees the Pis of others.
	ShowOwner bool
	// Loaded of Total bytes, for a bar: never more, never of nothing.
	Loaded, Total int64
	File          string
}

func (p *visit) piView(pi model.Pi) piView {
	v := piView{Pi: pi, ShowOwner: p.viewer.Operator, Total: max(pi.Boot.Total, 1), File: shownFile(pi.Boot.File)}
	v.Loaded = min(max(pi.Boot.Loaded, 0), v.Total)
	if pi.Boot.Class == model.Up {
		v.Loaded, v.File = v.Total, "" // what it did not ask for it does not need
	}
	return v
}

// shownFile is a file name as it is shown: without the directory that is the Pi's
// serial number, which says nothing beside the Pi.
func shownFile(name string) string {
	const digits = 8
	if len(name) > digits+1 && name[digits] == '/' && strings.Trim(name[:digits], "0123456789abcdef") == "" {
		return name[digits+1:]
	}
	return name
}

// shelfPage is every shelf that somebody has a Pi on.
type shelfPage struct {
	Query   string
	Summary string
	Shelves []shelfView
}

type shelfView struct {
	model.Shelf
	Rows        []piView
	Rack, VLANs template.HTML
}

func (p *visit) shelfPage() (view, error) {
	shelves, err := p.house.Shelves(p.r.Context())
	if err != nil {
		return view{}, err
	}
	page := shelfPage{Query: strings.TrimSpace(p.r.URL.Query().Get("q"))}
	var count tally
	var parts []part
	for _, s := range shelves {
		v := shelfView{Shelf: s}
		slices.SortFunc(s.Pis, func(a, b model.Pi) int { return cmp.Compare(a.Slot, b.Slot) })
		for _, pi := range s.Pis {
			if !matches(pi, page.Query, p.viewer.Operator) {
				continue
			}
			count.add(pi.Boot.Class)
			v.Rows = append(v.Rows, p.piView(pi))
			parts = append(parts, part{"row-" + pi.Name, "pi-row", v.Rows[len(v.Rows)-1]})
		}
		if len(v.Rows) == 0 {
			continue
		}
		parts = append(parts, part{"switch-" + s.Name, "switch", v})
		if v.Rack, v.VLANs, err = p.site.drawShelf(v); err != nil {
			return view{}, err
		}
		page.Shelves = append(page.Shelves, v)
	}
	page.Summary = count.String()
	parts = append(parts, part{"summary", "summary", page.Summary})
	return view{
		Title: "Shelf", Template: "shelf", Section: "Shelf", Data: page, Parts: parts,
		Concerns: func(c model.Change) bool { return c.Kind == model.PiKind },
	}, nil
}

// matches reports whether each word of a query is in what a row says.
func matches(pi model.Pi, query string, operator bool) bool {
	says := []string{pi.Name, pi.Model, string(pi.Boot.Class), pi.Boot.Stage, string(pi.Power), pi.Address.String(), pi.Public.String(), fmt.Sprint("vlan ", pi.VLAN)}
	if operator {
		says = append(says, pi.Owner)
	}
	row := strings.ToLower(strings.Join(says, "\n"))
	for word := range strings.FieldsSeq(strings.ToLower(query)) {
		if !strings.Contains(row, word) {
			return false
		}
	}
	return true
}

// tally counts Pis by class.
type tally struct{ all, up, loading, asking, trouble, off int }

func (t *tally) add(c model.Class) {
	t.all++
	switch c {
	case model.Up:
		t.up++
	case model.Loading:
		t.loading++
	case model.Asking:
		t.asking++
	case model.Off:
		t.off++
	default:
		t.trouble++
	}
}

// String says how the Pis are, such as "7 of 12 up, 5 loading".
func (t *tally) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d of %d up", t.up, t.all)
	for _, part := range []struct {
		n    int
		what string
	}{{t.loading, "loading"}, {t.asking, "asking for an address"}, {t.trouble, "in trouble"}, {t.off, "off"}} {
		if part.n > 0 {
			fmt.Fprintf(&b, ", %d %s", part.n, part.what)
		}
	}
	return b.String()
}
