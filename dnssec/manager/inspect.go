package manager

import (
	"context"

	"github.com/mythic-beasts/hostkit/dnssec/rotate"
)

// State is what the steps of a zone are decided by, for those who look ahead, such as
// dnssec/timeline: the state of its keys, and their policy.
func (m *Manager) State(ctx context.Context, zone string) (rotate.State, rotate.Policy, error) {
	z, err := m.zone(zone)
	if err != nil {
		return rotate.State{}, rotate.Policy{}, err
	}
	rec, _, err := m.load(ctx, z.name)
	if err != nil {
		return rotate.State{}, rotate.Policy{}, err
	}
	policy := rec.keyPolicy()
	policy.Insecure = policy.Insecure || !rec.Enabled
	return rec.State, policy, nil
}
