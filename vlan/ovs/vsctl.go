package ovs

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mythic-beasts/hostkit/vlan"
)

const defaultTimeout = 10 * time.Second

// vsctl runs the program on commands, each of which begins with "--".
func (s *Switch) vsctl(ctx context.Context, commands []string) ([]byte, error) {
	timeout := s.Timeout
	if timeout == 0 {
		timeout = defaultTimeout
	}
	args := []string{"--timeout=" + strconv.Itoa(int(max(1, timeout/time.Second))), "--no-syslog", "--format=json"}
	if s.Database != "" {
		args = append(args, "--db="+s.Database)
	}
	args = append(args, commands...)
	run := s.Run
	if run == nil {
		run = s.exec
	}
	out, err := run(ctx, args)
	if err != nil {
		return nil, fmt.Errorf("ovs: bridge %q: ovs-vsctl %s: %w", s.Bridge, strings.Join(commands, " "), err)
	}
	return out, nil
}

func (s *Switch) exec(ctx context.Context, args []string) ([]byte, error) {
	program := s.Program
	if program == "" {
		program = "ovs-vsctl"
	}
	cmd := exec.CommandContext(ctx, program, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("%w: %s", err, strings.TrimSpace(stderr.String()))
	}
	return out, nil
}

// read reads the bridge and its ports in one transaction.
func (s *Switch) read(ctx context.Context) (*bridge, error) {
	if s.Bridge == "" {
		return nil, errors.New("ovs: Switch.Bridge is empty")
	}
	out, err := s.vsctl(ctx, []string{
		"--", "--columns=_uuid,name,ports,external_ids", "list", "Bridge",
		"--", "--columns=_uuid,name,tag,trunks,vlan_mode,protected,other_config,external_ids", "list", "Port",
	})
	if err != nil {
		return nil, err
	}
	b, err := parse(out, s.Bridge)
	if err != nil {
		return nil, fmt.Errorf("ovs: bridge %q: %w", s.Bridge, err)
	}
	return b, nil
}

// table is how ovs-vsctl prints one.
type table struct {
	Headings []string            `json:"headings"`
	Data     [][]json.RawMessage `json:"data"`
}

// parse takes what read asked for apart.
func parse(out []byte, name string) (*bridge, error) {
	var bridges, ports table
	dec := json.NewDecoder(bytes.NewReader(out))
	if err := errors.Join(dec.Decode(&bridges), dec.Decode(&ports)); err != nil {
		return nil, fmt.Errorf("ovs-vsctl printed no tables: %w", err)
	}
	b := &bridge{names: map[vlan.VID]string{}, ports: map[string]port{}}
	var members []string
	for i := range bridges.Data {
		r := row{t: &bridges, n: i}
		if r.text("name") != name {
			continue
		}
		b.uuid = r.text("_uuid")
		members = r.texts("ports")
		b.readNames(r.pairs("external_ids"))
		if r.err != nil {
			return nil, r.err
		}
	}
	if b.uuid == "" {
		return nil, fmt.Errorf("there is no such bridge: %w", fs.ErrNotExist)
	}
	for i := range ports.Data {
		r := row{t: &ports, n: i}
		if uuid := r.text("_uuid"); slices.Contains(members, uuid) {
			b.ports[r.text("name")] = r.port(uuid)
		}
		if r.err != nil {
			return nil, r.err
		}
	}
	return b, nil
}

func (b *bridge) readNames(ids map[string]string) {
	for key, name := range ids {
		number, ours := strings.CutPrefix(key, vlanPrefix)
		if n, err := strconv.ParseUint(number, 10, 16); ours && err == nil && vlan.VID(n).Valid() {
			b.names[vlan.VID(n)] = name
		}
	}
}

// row reads columns of one row; the first error stays.
type row struct {
	t   *table
	n   int
	err error
}

func (r *row) port(uuid string) port {
	p := port{uuid: uuid, columns: columns{tag: noTag, vlanMode: r.text("vlan_mode"), protected: r.text("protected") == "true"}}
	if tags := r.numbers("tag"); len(tags) == 1 {
		p.tag = tags[0]
	}
	p.trunks = r.numbers("trunks")
	slices.Sort(p.trunks)
	p.edge = r.pairs("other_config")["rstp-port-admin-edge"] == "true"
	ids := r.pairs("external_ids")
	p.mode, p.was = ids[modeKey], ids[wasKey]
	return p
}

// values are those of a column: RFC 7047 section 5.1 writes a set of exactly
// one as the value itself.
func (r *row) values(column string) []json.RawMessage {
	i := slices.Index(r.t.Headings, column)
	if i < 0 || i >= len(r.t.Data[r.n]) {
		r.fail(column, errors.New("it is missing"))
		return nil
	}
	cell := r.t.Data[r.n][i]
	kind, content := pair(cell)
	if kind != "set" && kind != "map" {
		return []json.RawMessage{cell}
	}
	var values []json.RawMessage
	if err := json.Unmarshal(content, &values); err != nil {
		r.fail(column, err)
	}
	return values
}

// pair takes ["kind", content] apart; the kind of all else is "".
func pair(cell json.RawMessage) (kind string, content json.RawMessage) {
	var two []json.RawMessage
	if json.Unmarshal(cell, &two) != nil || len(two) != 2 || json.Unmarshal(two[0], &kind) != nil {
		return "", nil
	}
	return kind, two[1]
}

func (r *row) texts(column string) []string {
	var texts []string
	for _, v := range r.values(column) {
		if kind, content := pair(v); kind == "uuid" {
			v = content
		}
		var text string
		if json.Unmarshal(v, &text) != nil {
			text = string(v) // a number or a truth value
		}
		texts = append(texts, text)
	}
	return texts
}

// text is a column of one value, or of none.
func (r *row) text(column string) string {
	if texts := r.texts(column); len(texts) > 0 {
		return texts[0]
	}
	return ""
}

func (r *row) numbers(column string) []int {
	var numbers []int
	for _, text := range r.texts(column) {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 || n > nowhere {
			r.fail(column, fmt.Errorf("%q is no VLAN", text))
			return nil
		}
		numbers = append(numbers, n)
	}
	return numbers
}

func (r *row) pairs(column string) map[string]string {
	pairs := make(map[string]string)
	for _, v := range r.values(column) {
		var kv [2]string
		if err := json.Unmarshal(v, &kv); err != nil {
			r.fail(column, err)
			return nil
		}
		pairs[kv[0]] = kv[1]
	}
	return pairs
}

func (r *row) fail(column string, err error) {
	if r.err == nil {
		r.err = fmt.Errorf("ovs-vsctl's column %s: %w", column, err)
	}
}
