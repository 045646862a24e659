package main

import (
	"time"

	"github.com/mythic-beasts/hostkit/dnssec/manager"
)

// view is a zone's status for programs.
type view struct {
	Zone        string            `json:"zone"`
	Enabled     bool              `json:"enabled"`
	Phase       string            `json:"phase"`
	Serial      uint32            `json:"serial"`
	Served      map[string]uint32 `json:"served,omitempty"`
	NextRefresh time.Time         `json:"next_refresh,omitzero"`
	NextTick    time.Time         `json:"next_tick,omitzero"`
	Halted      bool              `json:"halted"`
	Problem     string            `json:"problem,omitempty"`
	Waits       []wait            `json:"waits"`
	DS          []dsChange        `json:"ds"`
	Keys        []keyView         `json:"keys"`
	// Text is all of it in words.
	Text string `json:"text"`
}

// wait is what is waited for.
type wait struct {
	Who   string    `json:"who"`
	What  string    `json:"what"`
	Key   string    `json:"key,omitempty"`
	Since time.Time `json:"since,omitzero"`
	Until time.Time `json:"until,omitzero"`
}

// dsChange is what somebody must do at the parent.
type dsChange struct {
	Do     string `json:"do"` // "add" or "remove"
	Tag    uint16 `json:"tag"`
	Record string `json:"record"`
	DNSKEY string `json:"dnskey,omitempty"`
}

// keyView is a key.
type keyView struct {
	ID        string            `json:"id"`
	Role      string            `json:"role"`
	Tag       uint16            `json:"tag"`
	Algorithm uint8             `json:"algorithm"`
	Use       string            `json:"use"`
	States    map[string]string `json:"states"`
	Next      time.Time         `json:"next,omitzero"`
}

func newView(st manager.Status) view {
	v := view{
		Zone: st.Zone, Enabled: st.Enabled, Phase: st.Phase, Serial: st.Serial, Served: st.Served,
		NextRefresh: st.NextRefresh, NextTick: st.NextTick, Halted: st.Halted, Text: st.String(),
		Waits: []wait{}, DS: []dsChange{}, Keys: []keyView{},
	}
	if st.Problem != nil {
		v.Problem = st.Problem.Error()
	}
	for _, b := range st.Blockers {
		v.Waits = append(v.Waits, wait{string(b.Who), b.What, b.Key, b.Since, b.Until})
	}
	for _, c := range st.Changes {
		d := dsChange{Do: "add", Tag: c.DS.Tag, Record: c.Record, DNSKEY: c.DNSKEY}
		if c.Remove {
			d.Do = "remove"
		}
		v.DS = append(v.DS, d)
	}
	for _, k := range st.Keys {
		v.Keys = append(v.Keys, keyView{
			ID: k.ID, Role: k.Role.String(), Tag: k.Tag, Algorithm: k.Algorithm, Use: k.Use.String(), Next: k.Next,
			States: map[string]string{
				"DNSKEY": k.DNSKEY.State.String(), "KRRSIG": k.KRRSIG.State.String(),
				"ZRRSIG": k.ZRRSIG.State.String(), "DS": k.DS.State.String(),
			},
		})
	}
	return v
}
