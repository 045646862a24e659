package render_test

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// row is an item of one of RouterOS's menus.
type row map[string]string

// mikrotik is the menus, each of them a list of items.
type mikrotik struct {
	menus map[string][]row
}

// newRouterOS is a switch out of the box: a bridge of all ports that knows no
// VLANs.
func newRouterOS(ports []string) reader {
	r := &mikrotik{menus: map[string][]row{"/interface bridge": {{"name": "bridge"}}}}
	// A port that somebody put into another Pi's VLAN before.
	r.menus["/interface bridge vlan"] = []row{{"bridge": "bridge", "vlan-ids": "13", "untagged": ports[0], "tagged": ""}}
	for _, name := range ports {
		r.menus["/interface"] = append(r.menus["/interface"], row{"name": name})
		r.menus["/interface ethernet switch port-isolation"] = append(r.menus["/interface ethernet switch port-isolation"], row{"name": name})
		r.menus["/interface bridge port"] = append(r.menus["/interface bridge port"], row{"interface": name, "bridge": "bridge", "pvid": "1"})
	}
	return r
}

var (
	ifNone    = regexp.MustCompile(`^:if \(\[:len \[(/[a-z ]+) find ([^\]]+)\]\] = 0\) do=\{(/.*)\}$`)
	loop      = regexp.MustCompile(`^:for v from=(\d+) to=(\d+) do=\{(/.*)\}$`)
	guarded   = regexp.MustCompile(`^:do \{(/.*)\} on-error=\{:put "[^"]*"\}$`)
	statement = regexp.MustCompile(`^(/[a-z -]+?) (add|set|remove) (?:\[find ([^\]]+)\] ?)?(.*)$`)
	pair      = regexp.MustCompile(`^([a-z-]+)=(?:"([^"]*)"|([^" ]*))(?: |$)`)
)

func (r *mikrotik) line(words []string) error {
	cmd := strings.Join(words, " ")
	if m := ifNone.FindStringSubmatch(cmd); m != nil {
		where, err := pairs(m[2])
		if err != nil || len(r.find(m[1], where)) > 0 {
			return err
		}
		cmd = m[3]
	} else if m := loop.FindStringSubmatch(cmd); m != nil {
		all, err := vids(m[1] + "-" + m[2])
		for _, v := range all {
			err = errors.Join(err, r.line(strings.Fields(strings.ReplaceAll(m[3], "$v", fmt.Sprint(v)))))
		}
		return err
	} else if m := guarded.FindStringSubmatch(cmd); m != nil {
		cmd = m[1]
	}
	m := statement.FindStringSubmatch(cmd)
	if m == nil {
		return errors.New("no such command")
	}
	where, err := pairs(m[3])
	if err != nil {
		return err
	}
	values, err := pairs(m[4])
	if err != nil {
		return err
	}
	return r.do(m[1], m[2], where, values)
}

func (r *mikrotik) do(menu, verb string, where, values row) error {
	switch verb {
	case "add":
		if menu == "/interface bonding" {
			r.menus["/interface"] = append(r.menus["/interface"], row{"name": values["name"]})
			r.menus["/interface bridge port"] = slices.DeleteFunc(r.menus["/interface bridge port"], func(have row) bool {
				return slices.Contains(strings.Split(values["slaves"], ","), have["interface"])
			})
		}
		r.menus[menu] = append(r.menus[menu], values)
	case "set":
		found := r.find(menu, where)
		if len(found) != 1 {
			return fmt.Errorf("sets %d items", len(found))
		}
		maps.Copy(found[0], values)
	case "remove":
		gone := r.find(menu, where)
		r.menus[menu] = slices.DeleteFunc(r.menus[menu], func(have row) bool {
			return slices.ContainsFunc(gone, func(g row) bool { return fmt.Sprint(g) == fmt.Sprint(have) })
		})
	}
	return nil
}

func (r *mikrotik) find(menu string, where row) []row {
	var found []row
	for _, have := range r.menus[menu] {
		match := true
		for k, v := range where {
			match = match && (k == "dynamic" || have[k] == v)
		}
		if match {
			found = append(found, have)
		}
	}
	return found
}

// pairs reads key=value and key="value", with spaces between.
func pairs(text string) (row, error) {
	all := make(row)
	for text != "" {
		m := pair.FindStringSubmatch(text)
		if m == nil {
			return nil, fmt.Errorf("not a pair: %q", text)
		}
		all[m[1]] = m[2] + m[3]
		text = text[len(m[0]):]
	}
	return all, nil
}

func (r *mikrotik) ports() (model, error) {
	if r.menus["/interface bridge"][0]["vlan-filtering"] != "yes" {
		return nil, errors.New("the bridge does not filter")
	}
	apart := make(map[string]string)
	for _, item := range r.menus["/interface ethernet switch port-isolation"] {
		apart[item["name"]] = item["forwarding-override"]
	}
	got := make(model)
	for _, item := range r.menus["/interface bridge port"] {
		name := item["interface"]
		m, err := r.port(item)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		to := strings.Split(apart[name], ",")
		m.Isolated = apart[name] != "" && !slices.ContainsFunc(to, func(other string) bool { return apart[other] != "" })
		m.Edge = item["edge"] == "yes" && item["bpdu-guard"] == "yes"
		if r.find("/interface", row{"name": name})[0]["disabled"] == "yes" {
			m = port{Off: true}
		}
		if bond := r.find("/interface bonding", row{"name": name}); len(bond) > 0 {
			m.Members = strings.Split(bond[0]["slaves"], ",")
		}
		got[name] = m
	}
	return got, nil
}

func (r *mikrotik) port(item row) (m port, err error) {
	pvid, err := vid(item["pvid"])
	if err != nil {
		return m, err
	}
	for _, v := range r.menus["/interface bridge vlan"] {
		id, err := vid(v["vlan-ids"])
		if err != nil {
			return m, err
		}
		if slices.Contains(strings.Split(v["tagged"], ","), item["interface"]) {
			m.Tagged = m.Tagged.With(id)
		}
		if slices.Contains(strings.Split(v["untagged"], ","), item["interface"]) {
			if m.Untagged != 0 || id != pvid {
				return m, fmt.Errorf("VLAN %d leaves untagged, and VLAN %d comes in", id, pvid)
			}
			m.Untagged = id
		}
	}
	frames := map[bool]string{true: "admit-only-untagged-and-priority-tagged", false: "admit-all"}[len(m.Tagged) == 0]
	if m.Untagged == 0 {
		frames = "admit-only-vlan-tagged"
	}
	if item["ingress-filtering"] != "yes" || item["frame-types"] != frames {
		return m, errors.New("takes frames of other VLANs")
	}
	return m, nil
}
