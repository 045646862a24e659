package export

import (
	"fmt"
	"io"
	"net/netip"
	"strings"
)

// WriteExports renders exports(5), one line for each export, for the kernel's
// NFS server; a good place is a file of its own in /etc/exports.d. It writes
// nothing when it refuses an export.
func WriteExports(w io.Writer, exports []Export) error {
	text, err := exportsText(exports)
	if err != nil {
		return fmt.Errorf("export: exports(5): %w", err)
	}
	if _, err := io.WriteString(w, text); err != nil {
		return fmt.Errorf("export: write exports(5): %w", err)
	}
	return nil
}

func exportsText(exports []Export) (string, error) {
	if err := checkAll(exports); err != nil {
		return "", err
	}
	var b strings.Builder
	for _, e := range exports {
		if e.pseudo() != e.Path {
			return "", fmt.Errorf("Pseudo %q of %q is another name, and the kernel's server has none", e.Pseudo, e.Path)
		}
		fmt.Fprintf(&b, "%s %s(%s)\n", escape(e.Path), clientText(e.Client), strings.Join(e.options(), ","))
	}
	return b.String(), nil
}

// clientText is an address, or a network.
func clientText(c netip.Prefix) string {
	if c.IsSingleIP() {
		return c.Addr().String()
	}
	return c.String()
}

// options are those of exports(5) that matter, none left to a default that has
// changed between releases of nfs-utils.
func (e Export) options() []string {
	either := func(yes bool, ifYes, ifNo string) string {
		if yes {
			return ifYes
		}
		return ifNo
	}
	opts := []string{
		either(e.ReadOnly, "ro", "rw"),
		"sync",
		"secure",
		either(e.SubtreeCheck, "subtree_check", "no_subtree_check"),
		either(e.SquashRoot, "root_squash", "no_root_squash"),
		"sec=sys",
		"fsid=" + fsidText(e.FSID),
	}
	if e.CrossMount {
		opts = append(opts, "crossmnt")
	}
	return opts
}

// fsidText is a number, or a UUID above what nfs-utils keeps in an int.
func fsidText(id uint64) string {
	if id < maxNumber {
		return fmt.Sprint(id)
	}
	return fmt.Sprintf("00000000-0000-0000-%04x-%012x", id>>48, id&(1<<48-1))
}

const maxNumber = 1 << 31

const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+@:,="

// escape writes any other byte as a backslash and three octal digits.
func escape(path string) string {
	var b strings.Builder
	for i := range len(path) {
		if strings.IndexByte(plain, path[i]) >= 0 {
			b.WriteByte(path[i])
		} else {
			fmt.Fprintf(&b, `\%03o`, path[i])
		}
	}
	return b.String()
}
