package web

import (
	"bytes"
	"context"
	"errors"
	"html/template"
	"net/http"
	"slices"
	"strconv"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/access"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/account"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/gate"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/limit"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/model"
)

// visit is one request of somebody.
type visit struct {
	site   *Site
	w      http.ResponseWriter
	r      *http.Request
	who    account.Identity // zero is nobody
	viewer model.Viewer
	house  *access.Guarded
	screen *watcher // of the console on the page, if there is one
}

func (s *Site) visit(w http.ResponseWriter, r *http.Request) *visit {
	p := &visit{site: s, w: w, r: r}
	p.who, _ = gate.From(r.Context())
	p.viewer = p.who.Viewer()
	p.house = &access.Guarded{
		House: s.o.House, Viewer: p.viewer, Actor: p.who.Actor(), ReadOnly: !p.who.Write, Audit: s.o.Audit,
	}
	return p
}

// show answers with a page, or with its events, to who is logged in.
func (s *Site) show(look func(*visit) (view, error)) http.Handler {
	return s.gate.Need("/login", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := s.visit(w, r)
		defer p.close()
		v, err := look(p)
		switch {
		case err != nil:
			p.fail(err)
		case !wantsStream(r):
			p.render(http.StatusOK, v, "")
		case v.Concerns == nil:
			http.Error(w, "this page has no events", http.StatusNotAcceptable)
		default:
			p.events(v, look)
		}
	}))
}

// act does what a button says, for who is logged in. What is begun is ended, even if
// who pressed it has gone.
func (s *Site) act(do func(*visit, context.Context) error) http.Handler {
	return s.limited(&s.presses, do)
}

// limited is act with the limit of an account that counts.
func (s *Site) limited(b *limit.Buckets, do func(*visit, context.Context) error) http.Handler {
	return s.gate.Need("/login", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := s.visit(w, r)
		defer p.close()
		if wait := b.Take(p.viewer.Name); wait > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(wait.Seconds())+1))
			p.fail(errTooFast)
			return
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), actionTimeout)
		defer cancel()
		if err := do(p, ctx); err != nil {
			p.fail(err)
		}
	}))
}

// close ends what the visit had opened.
func (p *visit) close() {
	if p.screen != nil {
		p.screen.close()
	}
}

// done sends who pressed a button to a page that says what was done.
func (p *visit) done(path, words string) error {
	p.site.flashes.add(p.who.ID, words)
	http.Redirect(p.w, p.r, path, http.StatusSeeOther)
	return nil
}

// retry shows a page again after something went wrong: what was wrong on top, in
// words, and what was typed as it was typed.
func (p *visit) retry(err error, look func(*visit) (view, error)) error {
	if errors.Is(err, model.ErrUnknown) || forbidden(err) {
		return err // there is no such page, or it is not theirs
	}
	v, lookErr := look(p)
	if lookErr != nil {
		return lookErr
	}
	status, words := p.explain(err)
	p.render(status, v, words)
	return nil
}

// section is an entry of the navigation.
type section struct {
	Name, Path string
	Here       bool
}

// layout is what every page has.
type layout struct {
	Title    string
	Viewer   model.Viewer
	Sections []section
	Flashes  []string
	Problem  string
	Cursor   string
	Content  template.HTML
}

func sections(here string) []section {
	all := []section{{Name: "Shelf", Path: "/"}, {Name: "Domains", Path: "/domains"}, {Name: "Sites", Path: "/sites"}, {Name: "Audit", Path: "/audit"}}
	if i := slices.IndexFunc(all, func(s section) bool { return s.Name == here }); i >= 0 {
		all[i].Here = true
	}
	return all
}

// render answers with a page. problem is what went wrong, if anything did.
func (p *visit) render(status int, v view, problem string) {
	page := layout{
		Title: v.Title, Viewer: p.viewer, Sections: sections(v.Section),
		Flashes: p.site.flashes.take(p.who.ID), Problem: problem,
	}
	var content, whole bytes.Buffer
	err := p.site.templates.ExecuteTemplate(&content, v.Template, v.Data)
	if err == nil && v.Concerns != nil {
		var parts []rendered
		parts, err = render(p.site.templates, v.Parts)
		page.Cursor = cursorOf(parts).String()
	}
	if err == nil {
		page.Content = template.HTML(content.String())
		err = p.site.templates.ExecuteTemplate(&whole, "layout", page)
	}
	if err != nil {
		p.site.log.Error("a page cannot be made", "page", v.Template, "err", err)
		http.Error(p.w, "the page cannot be made", http.StatusInternalServerError)
		return
	}
	p.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	p.w.WriteHeader(status)
	_, _ = whole.WriteTo(p.w) // the reader has gone
}
