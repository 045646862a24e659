package snmptest

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"

	"github.com/mythic-beasts/hostkit/internal/snmpx"
)

// maxLine is the longest line of a recording that is read.
const maxLine = 1 << 20

// LoadRecording adds the objects of a recording of snmpsim: a line for each, as
// "1.3.6.1.2.1.1.5.0|4|switch", with "x" after the type where the value is in
// hexadecimal. Empty lines and those that begin with "#" do not count. Lines
// that have snmpsim compute the value are an error.
func (a *Agent) LoadRecording(r io.Reader) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimRight(lines.Text(), "\r")
		if line == "" || line[0] == '#' {
			continue
		}
		v, err := parseLine(line)
		if err != nil {
			return fmt.Errorf("snmptest: line %d of the recording: %w", n, err)
		}
		a.Set(v.OID, v.Value)
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("snmptest: read the recording: %w", err)
	}
	return nil
}

func parseLine(line string) (snmpx.Var, error) {
	fields := strings.SplitN(line, "|", 3)
	if len(fields) != 3 {
		return snmpx.Var{}, fmt.Errorf("%.100q is not of the form name|type|value", line)
	}
	oid, err := snmpx.ParseOID(fields[0])
	if err != nil {
		return snmpx.Var{}, err
	}
	value, err := parseRecorded(fields[1], fields[2])
	return snmpx.Var{OID: oid, Value: value}, err
}

func parseRecorded(tag, text string) (snmpx.Value, error) {
	number, isHex := strings.CutSuffix(tag, "x")
	t, err := strconv.ParseUint(number, 10, 8)
	if err != nil {
		return snmpx.Value{}, fmt.Errorf("type %.20q is not served", tag)
	}
	octets := []byte(text)
	if isHex {
		if octets, err = hex.DecodeString(text); err != nil {
			return snmpx.Value{}, fmt.Errorf("the value is not hexadecimal: %w", err)
		}
	}
	v := snmpx.Value{Type: snmpx.Type(t)}
	switch v.Type {
	case snmpx.TypeInteger:
		v.Int, err = strconv.ParseInt(text, 10, 32)
	case snmpx.TypeCounter32, snmpx.TypeGauge32, snmpx.TypeTimeTicks, snmpx.TypeCounter64:
		bits := 32
		if v.Type == snmpx.TypeCounter64 {
			bits = 64
		}
		var n uint64
		n, err = strconv.ParseUint(text, 10, bits)
		v.Int = int64(n)
	case snmpx.TypeObjectID:
		var o snmpx.OID
		o, err = snmpx.ParseOID(text)
		v.Bytes = o.AppendBER(nil)
	case snmpx.TypeIPAddress:
		if !isHex {
			var ip netip.Addr
			ip, err = netip.ParseAddr(text)
			octets = ip.AsSlice()
		}
		if err == nil && len(octets) != 4 {
			err = fmt.Errorf("an address of %d octets", len(octets))
		}
		v.Bytes = octets
	case snmpx.TypeOctetString, snmpx.TypeOpaque:
		v.Bytes = octets
	case snmpx.TypeNull:
	default:
		err = fmt.Errorf("type %d is not served", t)
	}
	return v, err
}
