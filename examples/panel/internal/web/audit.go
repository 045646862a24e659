package web

import (
	"net/url"
	"strconv"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/audit"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/model"
)

const auditRows = 50 // on a page

// auditPage is a page of the audit log.
type auditPage struct {
	Who, Action, Thing string
	Entries            []audit.Entry
	Older, Newest      string // addresses; "" is that there is none
	Operator           bool
}

func (p *visit) auditPage() (view, error) {
	q := p.r.URL.Query()
	page := auditPage{Who: q.Get("who"), Action: q.Get("action"), Thing: q.Get("thing"), Operator: p.viewer.Operator}
	f := audit.Filter{
		Who: page.Who, Action: page.Action, Thing: page.Thing,
		Limit: auditRows + 1, // one more tells whether there is a next page
	}
	if before := q.Get("before"); before != "" {
		n, err := strconv.ParseUint(before, 10, 64)
		if err != nil {
			return view{}, input("The address of this page is not complete.")
		}
		f.Before = n
		page.Newest = page.address(0)
	}
	entries, err := p.house.History(p.r.Context(), f)
	if err != nil {
		return view{}, err
	}
	if len(entries) > auditRows {
		entries = entries[:auditRows]
		page.Older = page.address(entries[auditRows-1].Number)
	}
	page.Entries = entries
	return view{Title: "Audit", Template: "audit", Section: "Audit", Data: page}, nil
}

// address is that of the page with entries before a number, filtered alike.
func (a *auditPage) address(before uint64) string {
	q := url.Values{}
	for name, value := range map[string]string{"who": a.Who, "action": a.Action, "thing": a.Thing} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if before > 0 {
		q.Set("before", strconv.FormatUint(before, 10))
	}
	if len(q) == 0 {
		return "/audit"
	}
	return "/audit?" + q.Encode()
}

// outcomeClass is as which an outcome is coloured.
func outcomeClass(o audit.Outcome) model.Class {
	switch o {
	case audit.Done:
		return model.Up
	case audit.Failed, audit.Denied:
		return model.Dead
	}
	return model.Loading
}
