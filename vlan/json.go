package vlan

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
)

// version is that of the JSON of a plan. It changes when an old program would
// misunderstand a new plan.
const version = 1

// wirePlan is a plan as JSON, without its methods.
type wirePlan Plan

// MarshalJSON writes the plan with its version.
func (p *Plan) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Version int `json:"version"`
		*wirePlan
	}{version, (*wirePlan)(p)})
}

// UnmarshalJSON reads what MarshalJSON writes, and nothing else: an unknown field,
// another version, and numbers that collide or do not follow from one another are
// errors.
func (p *Plan) UnmarshalJSON(data []byte) error {
	var got struct {
		Version int `json:"version"`
		*wirePlan
	}
	got.wirePlan = new(wirePlan)
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&got); err != nil {
		return fmt.Errorf("vlan: plan: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("vlan: plan: something follows it")
	}
	if got.Version != version {
		return fmt.Errorf("vlan: plan: version %d is not %d, which this program knows", got.Version, version)
	}
	plan := (*Plan)(got.wirePlan)
	plan.tidy()
	if err := plan.check(); err != nil {
		return fmt.Errorf("plan: %w", err)
	}
	*p = *plan
	return nil
}

// tidy makes empty lists nil, as Build leaves them.
func (p *Plan) tidy() {
	if len(p.Retired) == 0 {
		p.Retired = nil
	}
	if len(p.Pis) == 0 {
		p.Pis = nil
	}
	if len(p.Switches) == 0 {
		p.Switches = nil
	}
}

// WriteTo writes the plan as JSON with one line for each switch, Pi and retired
// Pi. A comma begins a line rather than ends one, so that whoever is added at the
// end changes no other line.
func (p *Plan) WriteTo(w io.Writer) (int64, error) {
	var out bytes.Buffer
	var err error
	field := func(before, name string, v any) {
		text, failed := json.Marshal(v)
		err = cmp.Or(err, failed)
		fmt.Fprintf(&out, "%s%q: %s\n", before, name, text)
	}
	field("{ ", "version", version)
	field(", ", "private", p.Private)
	field(", ", "native", p.Native)
	field(", ", "management", p.Management)
	field(", ", "public", p.Public)
	field(", ", "file_server", p.FileServer)
	err = cmp.Or(err, writeLines(&out, "switches", p.Switches), writeLines(&out, "pis", p.Pis),
		writeLines(&out, "retired", p.Retired))
	if err != nil {
		return 0, fmt.Errorf("vlan: write plan: %w", err)
	}
	out.WriteString("}\n")
	return out.WriteTo(w)
}

func writeLines[T any](out *bytes.Buffer, name string, items []T) error {
	fmt.Fprintf(out, ", %q: [\n", name)
	for i, item := range items {
		text, err := json.Marshal(item)
		if err != nil {
			return err
		}
		out.WriteString([]string{"  ", ", "}[min(i, 1)])
		out.Write(text)
		out.WriteByte('\n')
	}
	out.WriteString("]\n")
	return nil
}

// check finds out whether Build could have made the plan: it builds one of the
// plan's own switches and Pis with all numbers pinned, and compares.
func (p *Plan) check() error {
	again, err := Build(p.respec(), nil)
	if err != nil {
		return err
	}
	for i, pi := range p.Pis {
		if again.Pis[i] != pi {
			return bad(fmt.Sprintf("pis[%d]", i), pi.Name, "has numbers or places that do not follow from one another, or is out of order")
		}
	}
	if again.Public != p.Public || again.FileServer != p.FileServer || !reflect.DeepEqual(again.Switches, p.Switches) {
		return errors.New("vlan: public, file_server or switches lack values, or are out of order")
	}
	return p.checkRetired()
}

// respec is a spec that gives the plan.
func (p *Plan) respec() Spec {
	s := Spec{
		Private: p.Private, Native: p.Native, Management: p.Management, Public: p.Public,
		FileServer: p.FileServer, Pinned: make(map[string]Pin, len(p.Pis)),
	}
	shelf := func(name string) *Shelf {
		i := slices.IndexFunc(s.Shelves, func(have Shelf) bool { return have.Name == name })
		if i < 0 {
			i, s.Shelves = len(s.Shelves), append(s.Shelves, Shelf{Name: name})
		}
		return &s.Shelves[i]
	}
	for _, sw := range p.Switches {
		if sw.Uplink.To == "" && sw.Uplink.Iface == "" {
			sw.Uplink.Iface = p.FileServer.Iface
		}
		in := shelf(sw.Shelf)
		in.Switches = append(in.Switches, sw.Switch)
	}
	for _, pi := range p.Pis {
		in := shelf(pi.Shelf)
		in.Pis = append(in.Pis, Host{Name: pi.Name, Switch: pi.Switch, Port: pi.Port, Slot: pi.Slot})
		s.Pinned[pi.Name] = Pin{VID: pi.VID, Net: pi.Net}
	}
	return s
}

func (p *Plan) checkRetired() error {
	vids, nets := make(map[VID]bool), make(map[string]bool)
	for _, pi := range p.Pis {
		vids[pi.VID], nets[pi.Net.String()] = true, true
	}
	for i, r := range p.Retired {
		field := fmt.Sprintf("retired[%d]", i)
		if err := checkHost(field+".name", r.Name); err != nil {
			return err
		}
		switch {
		case r.VID != 0 && (!r.VID.Valid() || vids[r.VID]), r.VID == 0 && !r.Net.IsValid():
			return bad(field+".vid", fmt.Sprint(uint16(r.VID)), "is not an identifier that nobody has")
		case r.Net.IsValid() && (r.Net.Bits() != pairBits || r.Net.Masked() != r.Net || nets[r.Net.String()]):
			return bad(field+".net", text(r.Net), "is not a /30 that nobody has")
		}
		if r.VID != 0 {
			vids[r.VID] = true
		}
		if r.Net.IsValid() {
			nets[r.Net.String()] = true
		}
	}
	return nil
}
