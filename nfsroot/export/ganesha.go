package export

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"

	"github.com/mythic-beasts/hostkit/nfsroot/bootparam"
)

// Ganesha is what a configuration of nfs-ganesha (4 or later, with FSAL_VFS) has
// besides its exports. The zero value serves on every address and on the usual
// ports, by TCP.
type Ganesha struct {
	// Bind is the server's address. Zero means all that the machine has, which
	// is right only for a machine with no link to the outside.
	Bind netip.Addr
	// The ports: zero means 2049 for NFS, 20048 for MOUNT and 32803 for locks.
	NFSPort, MountPort, LockPort uint16
	// UDP serves NFSv3 by UDP too, for clients that know nothing else.
	UDP bool
	// Grace keeps clients waiting for 90 seconds after a start, so that those
	// that held locks can claim them again. A machine alone on its root needs it
	// not, and would stand still for that time.
	Grace bool
	// RecoveryRoot is a folder for what NFSv4 must remember over a restart. ""
	// means the one of the package, /var/lib/nfs/ganesha.
	RecoveryRoot string
}

// WriteGanesha renders a configuration of nfs-ganesha with these exports and no
// others. It is also what to write before a SIGHUP, by which the running server
// takes new, changed and removed exports. It writes nothing when it refuses
// something.
func WriteGanesha(w io.Writer, conf Ganesha, exports []Export) error {
	text, err := conf.text(exports)
	if err != nil {
		return fmt.Errorf("export: ganesha.conf: %w", err)
	}
	if _, err := io.WriteString(w, text); err != nil {
		return fmt.Errorf("export: write ganesha.conf: %w", err)
	}
	return nil
}

func (g Ganesha) text(exports []Export) (string, error) {
	if err := g.check(exports); err != nil {
		return "", err
	}
	var b strings.Builder
	g.writeServer(&b, exports)
	for _, e := range exports {
		g.writeExport(&b, e)
	}
	return b.String(), nil
}

func (g Ganesha) check(exports []Export) error {
	if g.Bind.Is4In6() || g.Bind.Zone() != "" {
		return fmt.Errorf("Bind %s is not a plain address", g.Bind)
	}
	if g.RecoveryRoot != "" {
		if err := checkPath("RecoveryRoot", g.RecoveryRoot); err != nil {
			return err
		}
	}
	ports := []uint16{g.nfsPort(), g.mountPort(), g.lockPort()}
	slices.Sort(ports)
	if len(slices.Compact(ports)) < 3 {
		return errors.New("NFSPort, MountPort and LockPort must differ")
	}
	ids := make(map[uint16]string)
	for _, e := range exports {
		if e.ID == 0 {
			return fmt.Errorf("ID of %q is 0, which is that of the root of all exports", e.Path)
		}
		if other, ok := ids[e.ID]; ok {
			return fmt.Errorf("ID %d of %q is that of %q", e.ID, e.Path, other)
		}
		ids[e.ID] = e.Path
	}
	return checkAll(exports)
}

func (g Ganesha) nfsPort() uint16   { return cmp.Or(g.NFSPort, 2049) }
func (g Ganesha) mountPort() uint16 { return cmp.Or(g.MountPort, 20048) }
func (g Ganesha) lockPort() uint16  { return cmp.Or(g.LockPort, 32803) }

// writeServer writes the blocks for the whole server. What an export does not
// say is nothing: no access, and nobody's rights.
func (g Ganesha) writeServer(b *strings.Builder, exports []Export) {
	var all Export
	for _, e := range exports {
		all.Versions = append(all.Versions, e.versions()...)
	}
	fmt.Fprintf(b, "NFS_CORE_PARAM {\n\tProtocols = %s;\n", all.protocols())
	if g.Bind.IsValid() {
		fmt.Fprintf(b, "\tBind_addr = %s;\n", g.Bind)
	}
	fmt.Fprintf(b, "\tNFS_Port = %d;\n\tMNT_Port = %d;\n\tNLM_Port = %d;\n", g.nfsPort(), g.mountPort(), g.lockPort())
	b.WriteString("\tEnable_RQUOTA = false;\n}\n\n")

	fmt.Fprintf(b, "NFSv4 {\n\tGraceless = %t;\n\tOnly_Numeric_Owners = true;\n\tRecoveryBackend = fs;\n", !g.Grace)
	if g.RecoveryRoot != "" {
		fmt.Fprintf(b, "\tRecoveryRoot = \"%s\";\n", g.RecoveryRoot)
	}
	if minors := all.minors(); minors != "" {
		fmt.Fprintf(b, "\tMinor_Versions = %s;\n", minors)
	}
	b.WriteString("}\n\n")

	// With its cache of folders' names the server answers a MOUNT of version 3
	// out of it without a look at the folder, and so gives the first machine that
	// starts after an exchange of roots the root of before.
	b.WriteString("MDCACHE {\n\tDir_Chunk = 0;\n}\n\n")
	b.WriteString("EXPORT_DEFAULTS {\n\tAccess_Type = None;\n\tSquash = All_Squash;\n\tSecType = sys;\n\tPrivilegedPort = true;\n\tAttr_Expiration_Time = 0;\n}\n")
}

func (g Ganesha) writeExport(b *strings.Builder, e Export) {
	transports := "TCP"
	if g.UDP {
		transports = "TCP, UDP"
	}
	access, squash := "RW", "No_Root_Squash"
	if e.ReadOnly {
		access = "RO"
	}
	if e.SquashRoot {
		squash = "Root_Squash"
	}
	fmt.Fprintf(b, `
EXPORT {
	Export_Id = %d;
	Path = "%s";
	Pseudo = "%s";
	Filesystem_Id = %d.%d;
	Access_Type = None;
	Squash = All_Squash;
	SecType = sys;
	PrivilegedPort = true;
	Protocols = %s;
	Transports = %s;
	Attr_Expiration_Time = 0;
	CLIENT {
		Clients = %s;
		Access_Type = %s;
		Squash = %s;
		Protocols = %[6]s;
		Transports = %[7]s;
	}
	FSAL {
		Name = VFS;
	}
}
`, e.ID, e.Path, e.pseudo(), e.FSID>>32, e.FSID&(1<<32-1), e.protocols(), transports, clientText(e.Client), access, squash)
}

func (e Export) versions() []bootparam.Version {
	if len(e.Versions) == 0 {
		return []bootparam.Version{bootparam.V3, bootparam.V4_0, bootparam.V4_1, bootparam.V4_2}
	}
	return e.Versions
}

// protocols are the major versions, as "3, 4".
func (e Export) protocols() string {
	return list(e.versions(), func(v bootparam.Version) string { return fmt.Sprint(v.Major()) })
}

// minors are the minor versions of 4, as "0, 1, 2".
func (e Export) minors() string {
	return list(e.versions(), func(v bootparam.Version) string {
		_, minor, _ := strings.Cut(v.String(), ".")
		return minor
	})
}

// list joins the texts of versions, in order, each once, without empty ones.
func list(versions []bootparam.Version, text func(bootparam.Version) string) string {
	var all []string
	for _, v := range slices.Sorted(slices.Values(versions)) {
		if t := text(v); t != "" {
			all = append(all, t)
		}
	}
	return strings.Join(slices.Compact(all), ", ")
}
