package realtest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/poe"
)

// bootPatience is for an emulated machine on a host with much else to do.
const bootPatience = 10 * time.Minute

// The whole company's story, with real parts.
func TestRealRack(t *testing.T) {
	r := newRack(t)
	r.roots()
	r.install("generation 1")
	r.servers()
	r.console()
	power := r.power()
	power.on("it is new")

	// While it boots: a name that validates, a certificate, a way in by IPv4.
	names := r.startNames()
	names.sign()
	v := visitor{n: names, roots: names.certificate()}
	r.installCertificate()
	r.proxy()
	v.sees("generation 1", bootPatience)
	r.booted(1)
	r.apart()

	// It is killed while both keys of its name roll, and comes back.
	roll := names.roll()
	power.off("it hangs")
	_, err := v.get(t.Context())
	require.Error(t, err, "nobody serves")
	power.on("it hung")
	v.sees("generation 1", bootPatience)
	r.booted(2)
	roll.end()

	// A new root beside the one that it runs on, which it boots next. Keys roll again.
	r.nfsroot("rebuild", r.pi.Name)
	r.install("generation 2")
	r.installCertificate()
	v.sees("generation 1", time.Minute)
	roll = names.roll()
	power.cycle("a new root")
	v.sees("generation 2", bootPatience)
	r.booted(3)
	roll.end()
	power.audited(poe.ActionOn, poe.ActionOff, poe.ActionOn, poe.ActionCycle)
}

// booted requires that the machine was loaded so often by the network, and that so
// many kernels are in its console's log.
func (r *rack) booted(times int) {
	r.t.Helper()
	r.loaded(times)
	r.said(times)
}
