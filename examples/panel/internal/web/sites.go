package web

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/model"
)

func (s *Site) siteRoutes(mux *http.ServeMux) {
	mux.Handle("GET /sites", s.show((*visit).sitesPage))
	mux.Handle("GET /sites/{name}", s.show((*visit).sitePage))
	mux.Handle("POST /sites/{name}/proxy", s.act((*visit).setProxy))
	mux.Handle("POST /sites/{name}/probe", s.act((*visit).probe))
}

// siteView is a site with what its templates need beside it.
type siteView struct {
	model.Site
	ShowOwner bool
	Class     model.Class // as which it is coloured
	UpOf      string      // "2 of 3 up"
	Headers   []model.ProxyHeader
}

// headers are those that a site may get.
var headers = []model.ProxyHeader{model.NoHeader, model.V1, model.V2}

func (p *visit) siteView(s model.Site) siteView {
	v := siteView{Site: s, ShowOwner: p.viewer.Operator, Headers: headers}
	up := 0
	for _, b := range s.Backends {
		if b.State == "up" {
			up++
		}
	}
	v.UpOf = fmt.Sprintf("%d of %d up", up, len(s.Backends))
	switch up {
	case 0:
		v.Class = model.Dead
	case len(s.Backends):
		v.Class = model.Up
	default:
		v.Class = model.Stalled
	}
	return v
}

// backendClass is as which a backend is coloured.
func backendClass(state string) model.Class {
	switch state {
	case "up":
		return model.Up
	case "draining":
		return model.Stalled
	}
	return model.Dead
}

func (p *visit) sitesPage() (view, error) {
	sites, err := p.house.Sites(p.r.Context())
	if err != nil {
		return view{}, err
	}
	var rows []siteView
	var parts []part
	for _, s := range sites {
		v := p.siteView(s)
		rows = append(rows, v)
		parts = append(parts, part{"row-" + s.Name, "site-row", v})
	}
	return view{
		Title: "Sites", Template: "sites", Section: "Sites", Data: rows, Parts: parts,
		Concerns: func(c model.Change) bool { return c.Kind == model.SiteKind },
	}, nil
}

func (p *visit) sitePage() (view, error) {
	name := p.r.PathValue("name")
	s, err := p.house.Site(p.r.Context(), name)
	if err != nil {
		return view{}, err
	}
	v := p.siteView(s)
	return view{
		Title: name, Template: "site", Section: "Sites", Data: v,
		Parts:    []part{{"site-state", "site-state", v}, {"site-proxy", "site-proxy", v}},
		Concerns: concerns(model.SiteKind, name),
	}, nil
}

func (p *visit) setProxy(ctx context.Context) error {
	name, header := p.r.PathValue("name"), model.ProxyHeader(p.r.FormValue("header"))
	var err error = input("There is no such header: choose off, v1 or v2.")
	if slices.Contains(headers, header) {
		err = p.house.SetProxy(ctx, name, header, p.viewer.Name)
	}
	if err != nil {
		return p.retry(err, (*visit).sitePage)
	}
	if header == model.NoHeader {
		return p.done("/sites/"+name, "The servers get no PROXY header.")
	}
	return p.done("/sites/"+name, "The servers get the PROXY "+string(header)+" header.")
}

func (p *visit) probe(ctx context.Context) error {
	name := p.r.PathValue("name")
	if _, err := p.house.Probe(ctx, name); err != nil {
		return p.retry(err, (*visit).sitePage)
	}
	return p.done("/sites/"+name, "The servers were asked. What they expect is below.")
}
