package demo

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"time"

	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/manager"
	"github.com/mythic-beasts/hostkit/dnssec/rotate"
	"github.com/mythic-beasts/hostkit/dnssec/timeline"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/model"
)

// domain is a customer's domain.
type domain struct {
	name, owner string

	editing  sync.Mutex // held while contents are changed and published
	contents *dnssec.Zone

	mu      sync.Mutex // guards all below
	signed  bool       // whether the button is on
	past    timeline.Log
	leaf    *x509.Certificate
	next    time.Time // when the certificate is renewed, or tried again
	busy    bool
	problem string
}

func (d *domain) on() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.signed
}

// show is how the signing of a domain is. The drawing is made if it is asked for.
func (r *registry) show(ctx context.Context, d *domain, draw bool) (model.DNSSEC, error) {
	v := model.DNSSEC{On: d.on(), Words: "The zone is not signed."}
	status, err := r.manager.Status(ctx, d.name)
	if errors.Is(err, fs.ErrNotExist) {
		v.Words = "The zone is not published yet."
		return v, nil
	}
	if err != nil {
		return v, fmt.Errorf("demo: status of %s: %w", d.name, err)
	}
	if !status.Enabled {
		return v, nil
	}
	v.Words = inWords(status)
	v.Next = status.NextTick
	if status.Problem != nil {
		v.Problem = status.Problem.Error()
	}
	for _, ds := range status.DSWanted {
		v.DS = append(v.DS, fmt.Sprintf("%s. IN DS %s", d.name, ds))
	}
	for _, k := range status.Keys {
		v.Keys = append(v.Keys, model.Key{
			Tag: k.Tag, Role: k.Role.String(), Algorithm: dnssec.Algorithm(k.Algorithm).String(), State: stateOf(k.Key),
		})
		v.Secure = v.Secure || k.DS.State == rotate.Omnipresent && k.DNSKEY.State == rotate.Omnipresent
	}
	if draw {
		v.Timeline, err = r.draw(ctx, d)
	}
	return v, err
}

// inWords is what goes on, and what it waits for.
func inWords(s manager.Status) string {
	words := s.Phase
	if words == "" {
		words = "begins"
	}
	words = strings.ToUpper(words[:1]) + words[1:]
	if len(s.Blockers) == 0 {
		return words + "."
	}
	return words + "; waits for: " + s.Blockers[0].String()
}

// stateOf says what a key does.
func stateOf(k rotate.Key) string {
	main := k.DNSKEY.State
	switch {
	case k.Use == rotate.Retired:
		return "leaving"
	case k.Use == rotate.Standby:
		return "stands by"
	case main != rotate.Omnipresent:
		return "coming"
	case k.Role != rotate.ZSK && k.DS.State != rotate.Omnipresent:
		return "published, its DS is coming"
	}
	return "in use"
}

// draw is what happened to the keys of a domain, and what will.
func (r *registry) draw(ctx context.Context, d *domain) (string, error) {
	state, policy, err := r.manager.State(ctx, d.name)
	if err != nil {
		return "", fmt.Errorf("demo: keys of %s: %w", d.name, err)
	}
	now := time.Now()
	chart := timeline.Chart{Zone: d.name + ".", Now: now, From: now.Add(-r.span()), To: now.Add(r.span())}
	if chart.Planned, err = timeline.Plan(state, policy, now, timeline.Assume{For: r.span(), ParentDelay: time.Second}); err != nil {
		return "", fmt.Errorf("demo: what the keys of %s will do: %w", d.name, err)
	}
	d.mu.Lock()
	chart.Past = append(chart.Past, d.past.Changes...)
	d.mu.Unlock()
	var svg strings.Builder
	if err := chart.WriteSVG(&svg); err != nil {
		return "", fmt.Errorf("demo: draw the keys of %s: %w", d.name, err)
	}
	return svg.String(), nil
}
