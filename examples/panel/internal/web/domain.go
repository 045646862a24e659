package web

import (
	"context"
	"html/template"
	"net/http"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/model"
)

func (s *Site) domainRoutes(mux *http.ServeMux) {
	mux.Handle("GET /domains", s.show((*visit).domainsPage))
	mux.Handle("GET /domains/{name}", s.show((*visit).domainPage))
	mux.Handle("POST /domains/{name}/dnssec", s.act((*visit).dnssecOn))
	mux.Handle("GET /domains/{name}/dnssec/off", s.show((*visit).dnssecOffPage))
	mux.Handle("POST /domains/{name}/dnssec/off", s.act((*visit).dnssecOff))
	mux.Handle("GET /domains/{name}/roll", s.show((*visit).rollPage))
	mux.Handle("POST /domains/{name}/roll", s.act((*visit).roll))
	mux.Handle("POST /domains/{name}/certificate", s.act((*visit).certify))
}

// domainView is a domain with what its templates need beside it.
type domainView struct {
	model.Domain
	ShowOwner bool
	Class     model.Class // as which it is coloured
	Timeline  template.HTML
}

func (p *visit) domainView(d model.Domain) domainView {
	v := domainView{Domain: d, ShowOwner: p.viewer.Operator, Class: model.Off}
	switch {
	case d.DNSSEC.Problem != "":
		v.Class = model.Stalled
	case d.DNSSEC.Secure:
		v.Class = model.Up
	case d.DNSSEC.On:
		v.Class = model.Loading
	}
	return v
}

func (p *visit) domainsPage() (view, error) {
	domains, err := p.house.Domains(p.r.Context())
	if err != nil {
		return view{}, err
	}
	var rows []domainView
	var parts []part
	for _, d := range domains {
		v := p.domainView(d)
		rows = append(rows, v)
		parts = append(parts, part{"row-" + d.Name, "domain-row", v})
	}
	return view{
		Title: "Domains", Template: "domains", Section: "Domains", Data: rows, Parts: parts,
		Concerns: func(c model.Change) bool { return c.Kind == model.DomainKind },
	}, nil
}

func (p *visit) domainPage() (view, error) {
	name := p.r.PathValue("name")
	d, err := p.house.Domain(p.r.Context(), name)
	if err != nil {
		return view{}, err
	}
	v := p.domainView(d)
	v.Timeline = drawing(d.DNSSEC.Timeline)
	return view{
		Title: name, Template: "domain", Section: "Domains", Data: v,
		Parts:    []part{{"dnssec", "dnssec", v}, {"certificate", "certificate", v}},
		Concerns: concerns(model.DomainKind, name),
	}, nil
}

func (p *visit) dnssecOn(ctx context.Context) error {
	name := p.r.PathValue("name")
	if err := p.house.SetDNSSEC(ctx, name, true, p.viewer.Name); err != nil {
		return p.retry(err, (*visit).domainPage)
	}
	return p.done("/domains/"+name, "DNSSEC is turned on. Signing, and the DS at the parent, follow by themselves.")
}

// confirmDomain asks before something is done with a domain.
func (p *visit) confirmDomain(path, button, words string) (view, error) {
	name := p.r.PathValue("name")
	if _, err := p.house.Domain(p.r.Context(), name); err != nil {
		return view{}, err
	}
	return view{Title: button + " for " + name + "?", Template: "confirm", Section: "Domains", Data: confirmPage{
		Action: "/domains/" + name + path, Button: button, Back: "/domains/" + name,
		Words: []string{words}, Danger: true, AskReason: true, Reason: p.r.FormValue("reason"),
	}}, nil
}

func (p *visit) dnssecOffPage() (view, error) {
	return p.confirmDomain("/dnssec/off", "Turn DNSSEC off",
		"The DS leaves the parent first. The zone stays signed until no resolver can have the DS any more; only then do the signatures go. Until that is over, visitors notice nothing.")
}

func (p *visit) dnssecOff(ctx context.Context) error {
	name := p.r.PathValue("name")
	reason, err := p.reason()
	if err == nil {
		p.house.Reason = reason
		err = p.house.SetDNSSEC(ctx, name, false, p.viewer.Name)
	}
	if err != nil {
		return p.retry(err, func(p *visit) (view, error) { return p.again((*visit).dnssecOffPage, err) })
	}
	return p.done("/domains/"+name, "DNSSEC is being turned off, step by step.")
}

func (p *visit) rollPage() (view, error) {
	return p.confirmDomain("/roll", "Replace the keys",
		"A new key is published beside the old one, and takes over when every resolver can know it. This needs no hand, and takes as long as the longest TTL.")
}

func (p *visit) roll(ctx context.Context) error {
	name := p.r.PathValue("name")
	reason, err := p.reason()
	if err == nil {
		p.house.Reason = reason
		err = p.house.RollKey(ctx, name, p.viewer.Name)
	}
	if err != nil {
		return p.retry(err, func(p *visit) (view, error) { return p.again((*visit).rollPage, err) })
	}
	return p.done("/domains/"+name, "The keys are being replaced.")
}

func (p *visit) certify(ctx context.Context) error {
	name := p.r.PathValue("name")
	if err := p.house.Certify(ctx, name, p.viewer.Name); err != nil {
		return p.retry(err, (*visit).domainPage)
	}
	return p.done("/domains/"+name, "The certificate is asked for.")
}
