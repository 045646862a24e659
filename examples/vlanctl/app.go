package main

import (
	"github.com/mythic-beasts/hostkit/examples/internal/cli"
	"github.com/mythic-beasts/hostkit/vlan"
)

// app is what all commands have.
type app struct{ *cli.Call }

// load reads the configuration and the plan, which must be the plan of this
// configuration and keep Pis apart: nothing is made of any other.
func (a *app) load() (*config, *vlan.Plan, error) {
	c, err := loadConfig(a.Config)
	if err != nil {
		return nil, nil, err
	}
	p, err := c.current()
	if err != nil {
		return nil, nil, err
	}
	if err := p.Verify(); err != nil {
		return nil, nil, err
	}
	return c, p, nil
}
