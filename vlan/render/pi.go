package render

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mythic-beasts/hostkit/vlan"
)

// eachPi collects the texts for the Pis that are wanted.
func eachPi(p *vlan.Plan, o Options, write func(vlan.Pi) ([]File, error)) ([]File, error) {
	if err := checkPlan(p); err != nil {
		return nil, err
	}
	names := make([]string, len(p.Pis))
	for i, pi := range p.Pis {
		names[i] = pi.Name
	}
	if err := o.checkOnly("Pi", names); err != nil {
		return nil, err
	}
	files := make([]File, 0, len(p.Pis))
	for _, pi := range p.Pis {
		if !o.only(pi.Name) {
			continue
		}
		made, err := write(pi)
		if err != nil {
			return nil, err
		}
		files = append(files, made...)
	}
	return files, nil
}

func publicIface(p *vlan.Plan) string { return fmt.Sprintf("%s.%d", bootIface, p.Public.VID) }

// PiCmdline writes cmdline.txt for each Pi: one line, of which the firmware takes
// no more, that says where the root is and which address the Pi has
// (Documentation/admin-guide/nfs/nfsroot.rst of Linux). There is no router in a
// private network, and so none is named.
func PiCmdline(p *vlan.Plan, o Options) ([]File, error) {
	nfs := o.NFSOptions
	if nfs == "" {
		nfs = "vers=3,tcp"
	}
	const plain = "abcdefghijklmnopqrstuvwxyz0123456789=,._"
	if strings.Trim(nfs, plain) != "" {
		return nil, &ValueError{"Options.NFSOptions", nfs, "is not options such as vers=3,tcp"}
	}
	for i, word := range o.Cmdline {
		if err := checkParameter(word); err != "" {
			return nil, &ValueError{fmt.Sprintf("Options.Cmdline[%d]", i), word, err}
		}
	}
	return eachPi(p, o, func(pi vlan.Pi) ([]File, error) {
		words := []string{
			"root=/dev/nfs", "rootfstype=nfs",
			fmt.Sprintf("nfsroot=%s:%s,%s", pi.Server, p.FileServer.Export(pi), nfs), "rw",
			fmt.Sprintf("ip=%s:%s::%s:%s:%s:off", pi.Addr, pi.Server, netmask(pi.Net), pi.Name, bootIface),
			"rootwait", "net.ifnames=0",
		}
		words = append(words, o.Cmdline...)
		return []File{{For: pi.Name, Path: "cmdline.txt", Mode: 0o644, Text: strings.Join(words, " ") + "\n"}}, nil
	})
}

// planned are parameters that follow from the plan.
var planned = []string{"root", "rootfstype", "nfsroot", "ip", "nfsaddrs", "net.ifnames"}

// checkParameter says what is wrong with a parameter of the kernel.
func checkParameter(word string) string {
	if word == "" || strings.ContainsFunc(word, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '"' }) {
		return "is not one word without quotes"
	}
	key, _, _ := strings.Cut(word, "=")
	if slices.Contains(planned, key) {
		return "follows from the plan"
	}
	return ""
}
