package acmetest

import (
	"net/url"
	"strings"
)

// mythicChoice is a selection of records: by the path, by filters of the query, and by
// any of the filters in select=, which are queries themselves.
type mythicChoice struct {
	host, typ          string // of the path; "" is any
	filter             url.Values
	any                []url.Values
	template, generate bool // false leaves out inherited records
}

// mythicSelection reads a selection.
func mythicSelection(host, typ, query string) (*mythicChoice, error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, mythicRefuse("Invalid query: %v", err)
	}
	c := &mythicChoice{host: host, typ: typ, filter: make(url.Values), template: true, generate: true}
	for name, given := range values {
		switch name {
		case "verify":
		case "exclude-template":
			c.template = false
		case "exclude-generated":
			c.generate = false
		case "select":
			for _, inner := range given {
				filter, err := url.ParseQuery(inner)
				if err != nil {
					return nil, mythicRefuse("Invalid select: %v", err)
				}
				if err := mythicCheck(filter); err != nil {
					return nil, err
				}
				c.any = append(c.any, filter)
			}
		default:
			c.filter[name] = given
		}
	}
	return c, mythicCheck(c.filter)
}

func mythicCheck(filter url.Values) error {
	for name := range filter {
		if name != "host" && name != "type" && name != "data" {
			return mythicRefuse("Unknown filter '%s'", name)
		}
	}
	return nil
}

// place reports whether a record is where the path says.
func (c *mythicChoice) place(r MythicRecord) bool {
	return (c.host == "" || c.host == r.Host) && (c.typ == "" || c.typ == r.Type)
}

func (c *mythicChoice) has(r MythicRecord) bool {
	if !c.place(r) || !mythicFits(c.filter, r) || !c.template && r.Template || !c.generate && r.Generated {
		return false
	}
	for _, filter := range c.any {
		if mythicFits(filter, r) {
			return true
		}
	}
	return len(c.any) == 0
}

// mythicFits compares a record with the values of a filter, any of which will do.
func mythicFits(filter url.Values, r MythicRecord) bool {
	for name, wanted := range filter {
		got := map[string]string{"host": r.Host, "type": r.Type, "data": r.Data}[name]
		ok := false
		for _, w := range wanted {
			ok = ok || got == w || name != "data" && strings.EqualFold(got, w)
		}
		if !ok {
			return false
		}
	}
	return true
}

// of are the records that are selected.
func (c *mythicChoice) of(all []MythicRecord) []MythicRecord {
	var found []MythicRecord
	for _, r := range all {
		if c.has(r) {
			found = append(found, r)
		}
	}
	return found
}

// own are those of them that are not inherited.
func (c *mythicChoice) own(all []MythicRecord) []MythicRecord {
	var found []MythicRecord
	for _, r := range c.of(all) {
		if !r.inherited() {
			found = append(found, r)
		}
	}
	return found
}
