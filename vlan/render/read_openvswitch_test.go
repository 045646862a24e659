package render_test

import "github.com/mythic-beasts/hostkit/vlan"

// ovsPort reads a row of Open vSwitch's table of ports, as JSON of RFC 7047: a
// column is a value, or "set" and a list of values.
func ovsPort(mode, tag, trunks any, protected bool) port {
	m := port{Isolated: protected}
	var tagged vlan.VIDs
	if trunks == 4095. {
		return m // the reserved one
	}
	for _, v := range column(trunks) {
		tagged = tagged.With(vlan.VID(v.(float64)))
	}
	for _, v := range column(tag) {
		m.Untagged = vlan.VID(v.(float64))
	}
	modes := column(mode)
	switch {
	case len(modes) == 1 && modes[0] == "access" && tagged == nil:
	case len(modes) == 1 && modes[0] == "trunk" && m.Untagged == 0 && tagged != nil,
		len(modes) == 1 && modes[0] == "native-untagged" && m.Untagged != 0 && tagged != nil:
		m.Tagged = tagged
	default:
		m.Members = []string{"a member of all VLANs"}
	}
	return m
}

func column(value any) []any {
	if list, ok := value.([]any); ok && len(list) == 2 && list[0] == "set" {
		return list[1].([]any)
	}
	return []any{value}
}
