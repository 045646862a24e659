package main

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
)

// problems gathers what is wrong in a configuration, by key. Prefix is put
// before each key.
type problems struct {
	prefix string
	found  map[string]error
}

// add notes what is wrong with a key's value; "" is the table itself. Of
// several faults of one key the first counts.
func (p *problems) add(key, format string, args ...any) {
	key = strings.Trim(p.prefix+"."+key, ".")
	if p.found == nil {
		p.found = make(map[string]error)
	}
	if p.found[key] == nil {
		p.found[key] = daemon.Field(key, fmt.Errorf(format, args...))
	}
}

// url notes a base URL that firmware could not use.
func (p *problems) url(key, text string) {
	if text == "" {
		return
	}
	if u, err := url.Parse(text); err != nil || u.Scheme != "http" || u.Host == "" {
		p.add(key, "is not a URL such as http://10.80.0.65:8080/")
	}
}

// err is all of it, in a fixed order.
func (p *problems) err() error {
	var keys []string
	for key := range p.found {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	var errs []error
	for _, key := range keys {
		errs = append(errs, p.found[key])
	}
	return errors.Join(errs...)
}
