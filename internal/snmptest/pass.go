package snmptest

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/mythic-beasts/hostkit/internal/snmpx"
)

// servePass serves the agent's objects by net-snmp's pass_persist protocol
// (snmpd.conf(5)), with the agent's hooks and none of its faults. As snmpd reads
// an object before it writes it, one that may be created reads as INTEGER 3
// until it exists.
func (a *Agent) servePass(rw io.ReadWriter) error {
	in := bufio.NewScanner(rw)
	for in.Scan() {
		var answer string
		switch strings.ToLower(in.Text()) {
		case "":
			continue // snmpd sends one after each set
		case "ping":
			answer = "PONG\n"
		case "get":
			answer = a.passGet(line(in))
		case "getnext":
			answer = a.passNext(line(in))
		case "set":
			answer = a.passSet(line(in), line(in))
		default:
			return fmt.Errorf("snmptest: snmpd asks for %.40q", in.Text())
		}
		if _, err := io.WriteString(rw, answer); err != nil {
			return fmt.Errorf("snmptest: answer snmpd: %w", err)
		}
	}
	return in.Err()
}

func line(in *bufio.Scanner) string {
	in.Scan()
	return in.Text()
}

const passNone = "NONE\n"

func (a *Agent) passGet(name string) string {
	o, err := snmpx.ParseOID(name)
	if err != nil {
		return passNone
	}
	a.count.request(Get)
	if v := a.Get(o); v.Present() {
		return passValue(o, v)
	}
	if h, ok := a.hook(o); ok && h.Create {
		return passValue(o, snmpx.Integer(3)) // notReady, where it is a RowStatus
	}
	return passNone
}

func (a *Agent) passNext(name string) string {
	o, err := snmpx.ParseOID(name)
	if err != nil {
		return passNone
	}
	a.count.request(GetNext)
	all := a.tree.snapshot()
	i := after(all, o)
	if i >= len(all) {
		return passNone
	}
	return passValue(all[i].oid, all[i].value())
}

// passValue is how snmpd wants to be told a value.
func passValue(o snmpx.OID, v snmpx.Value) string {
	kinds := map[snmpx.Type]string{
		snmpx.TypeInteger: "integer", snmpx.TypeCounter32: "counter", snmpx.TypeGauge32: "gauge",
		snmpx.TypeTimeTicks: "timeticks", snmpx.TypeCounter64: "counter64", snmpx.TypeObjectID: "objectid",
		snmpx.TypeIPAddress: "ipaddress", snmpx.TypeOctetString: "octet", snmpx.TypeOpaque: "opaque",
	}
	text := v.String()
	if v.Type == snmpx.TypeOctetString {
		text = fmt.Sprintf("% x", v.Bytes)
	}
	return fmt.Sprintf(".%s\n%s\n%s\n", o, kinds[v.Type], text)
}

func (a *Agent) passSet(name, text string) string {
	o, err := snmpx.ParseOID(name)
	if err != nil {
		return "not-writable\n"
	}
	a.count.request(Set)
	v, err := parsePassed(text)
	if err != nil {
		return "wrong-type\n"
	}
	status, _ := a.setAll([]snmpx.Var{{OID: o, Value: v}}, new(Faults))
	switch status {
	case snmpx.NoError:
		return "DONE\n"
	case snmpx.WrongType:
		return "wrong-type\n"
	case snmpx.WrongLength:
		return "wrong-length\n"
	case snmpx.WrongValue:
		return "wrong-value\n"
	case snmpx.InconsistentValue:
		return "inconsistent-value\n"
	}
	return "not-writable\n"
}

// parsePassed reads a value as snmpd writes it: `integer 1`, `string "pi"`,
// `octet "80 00"`.
func parsePassed(s string) (snmpx.Value, error) {
	kind, text, _ := strings.Cut(s, " ")
	if kind == "string" || kind == "octet" {
		text = strings.TrimSuffix(strings.TrimPrefix(text, `"`), `"`)
		if kind == "string" {
			return snmpx.Text(text), nil
		}
		b, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(text), " ", ""))
		return snmpx.OctetString(b), err
	}
	if kind == "objectid" {
		o, err := snmpx.ParseOID(text)
		return snmpx.ObjectID(o), err
	}
	types := map[string]snmpx.Type{
		"integer": snmpx.TypeInteger, "counter": snmpx.TypeCounter32, "gauge": snmpx.TypeGauge32,
		"unsigned": snmpx.TypeGauge32, "timeticks": snmpx.TypeTimeTicks,
	}
	t, ok := types[kind]
	if !ok {
		return snmpx.Value{}, fmt.Errorf("snmptest: snmpd writes a value of type %.20q", kind)
	}
	n, err := strconv.ParseInt(strings.Fields(text + " -")[0], 10, 64)
	return snmpx.Value{Type: t, Int: n}, err
}
