package export

import (
	"bufio"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
)

// ParseExports reads exports(5) as [WriteExports] writes it, and as others may:
// quoted paths, several clients on a line, comments, continued lines. ID, Pseudo
// and Versions are not in it. An error names the line with a client or an option
// that an [Export] cannot have; what the format leaves to defaults is read as
// the defaults of exports(5), and a client that may mount with root's rights
// from more than one address is an error here too.
func ParseExports(r io.Reader) ([]Export, error) {
	var exports []Export
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		text, first := lines.Text(), n
		for strings.HasSuffix(text, `\`) && lines.Scan() {
			text = strings.TrimSuffix(text, `\`) + " " + lines.Text()
			n++
		}
		line, err := parseLine(text)
		if err != nil {
			return nil, fmt.Errorf("export: exports(5): line %d: %w", first, err)
		}
		exports = append(exports, line...)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("export: read exports(5): %w", err)
	}
	return exports, nil
}

// parseLine reads a path and the clients after it.
func parseLine(text string) ([]Export, error) {
	text = strings.TrimLeft(text, " \t")
	if text == "" || text[0] == '#' {
		return nil, nil
	}
	path, rest, err := cutToken(text)
	if err != nil {
		return nil, err
	}
	var exports []Export
	defaults := ""
	for rest = strings.TrimLeft(rest, " \t"); rest != "" && rest[0] != '#'; rest = strings.TrimLeft(rest, " \t") {
		var client string
		if i := strings.IndexAny(rest, " \t"); i >= 0 {
			client, rest = rest[:i], rest[i:]
		} else {
			client, rest = rest, ""
		}
		if opts, ok := strings.CutPrefix(client, "-"); ok {
			defaults = opts + ","
			continue
		}
		e, err := parseClient(path, client, defaults)
		if err != nil {
			return nil, err
		}
		exports = append(exports, e)
	}
	if len(exports) == 0 {
		return nil, fmt.Errorf("%q has no client, and everybody could mount it", path)
	}
	return exports, nil
}

// cutToken takes a path off a line, without its quotes and escapes.
func cutToken(text string) (token, rest string, err error) {
	var b strings.Builder
	quoted := false
	i := 0
	for ; i < len(text) && (quoted || text[i] != ' ' && text[i] != '\t'); i++ {
		switch {
		case text[i] == '"':
			quoted = !quoted
		case text[i] == '\\' && isOctal(text[i+1:]):
			n, err := strconv.ParseUint(text[i+1:i+4], 8, 8)
			if err != nil {
				return "", "", fmt.Errorf("%q is not a byte", text[i:i+4])
			}
			b.WriteByte(byte(n))
			i += 3
		default:
			b.WriteByte(text[i])
		}
	}
	if quoted {
		return "", "", fmt.Errorf("a quote in %q does not end", text)
	}
	return b.String(), text[i:], nil
}

func isOctal(s string) bool {
	return len(s) >= 3 && strings.Trim(s[:3], "01234567") == ""
}

func parseClient(path, text, defaults string) (Export, error) {
	name, options, _ := strings.Cut(text, "(")
	if strings.Contains(text, "(") && !strings.HasSuffix(options, ")") {
		return Export{}, fmt.Errorf("client %q has options that do not end", text)
	}
	client, err := parsePrefix(name)
	if err != nil {
		return Export{}, err
	}
	e := Export{Path: path, Client: client, ReadOnly: true, SquashRoot: true}
	for o := range strings.SplitSeq(defaults+strings.TrimSuffix(options, ")"), ",") {
		if err := e.setOption(o); err != nil {
			return Export{}, err
		}
	}
	return e, e.check()
}

func parsePrefix(text string) (netip.Prefix, error) {
	if p, err := netip.ParsePrefix(text); err == nil {
		return p, nil
	}
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("client %q is not an address or a network", text)
	}
	return netip.PrefixFrom(addr, addr.BitLen()), nil
}

func (e *Export) setOption(o string) error {
	switch o {
	case "rw", "ro":
		e.ReadOnly = o == "ro"
	case "root_squash", "no_root_squash":
		e.SquashRoot = o == "root_squash"
	case "subtree_check", "no_subtree_check":
		e.SubtreeCheck = o == "subtree_check"
	case "crossmnt":
		e.CrossMount = true
	case "", "sync", "secure", "sec=sys":
	default:
		id, ok := strings.CutPrefix(o, "fsid=")
		if !ok {
			return fmt.Errorf("option %q is not one of an export of a machine's own root", o)
		}
		return e.setFSID(id)
	}
	return nil
}

func (e *Export) setFSID(text string) error {
	digits, base := text, 10
	if strings.Contains(text, "-") {
		digits, base = strings.ReplaceAll(text, "-", ""), 16
		if len(digits) != 32 || strings.Trim(digits[:16], "0") != "" {
			return fmt.Errorf("fsid %q is not one of this package's", text)
		}
	}
	id, err := strconv.ParseUint(digits, base, 64)
	if err != nil || base == 10 && id >= maxNumber {
		return fmt.Errorf("fsid %q is not a number below 2^31 or a UUID", text)
	}
	e.FSID = id
	return nil
}
