package demo_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/demo"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/model"
	"github.com/mythic-beasts/hostkit/netboot"
)

const treeBytes = 1000

// status is how a boot stands that began so many seconds after noon.
func status(began int, stage netboot.Stage, bytes int64) netboot.Status {
	return netboot.Status{
		Stage: stage, Started: noon.Add(time.Duration(began) * time.Second), Last: noon.Add(time.Duration(began+30) * time.Second),
		Bytes: bytes, File: "5e1f0000/kernel8.img", Retransmits: 2,
	}
}

func TestHistoryOfOneBoot(t *testing.T) {
	var h demo.History
	require.Equal(t, model.Off, h.Now().Class)
	require.Empty(t, h.Latest(10))

	h.Follow(status(0, netboot.StageDiscover, 0), treeBytes)
	require.Equal(t, model.Asking, h.Now().Class)
	h.Follow(status(0, netboot.StageLoading, 400), treeBytes)
	require.Equal(t, model.Boot{
		Began: noon, Class: model.Loading, Stage: "loading", Loaded: 400, Total: treeBytes, File: "kernel8.img", Resent: 2,
	}, h.Now())
	h.Follow(status(0, netboot.StageKernel, 700), treeBytes)
	require.Equal(t, int64(treeBytes), h.Now().Loaded, "what it did not ask for it does not need")
	h.Follow(status(0, netboot.StageUp, 700), treeBytes)
	up := h.Now()
	require.Equal(t, model.Up, up.Class)
	require.Equal(t, noon.Add(30*time.Second), up.Up)

	later := status(0, netboot.StageUp, 700)
	later.Last = noon.Add(time.Hour)
	h.Follow(later, treeBytes)
	require.Equal(t, up.Up, h.Now().Up, "it is up since it came up")
	require.Len(t, h.Latest(10), 1)
}

func TestHistoryOfMany(t *testing.T) {
	var h demo.History
	for i := range 60 {
		h.Follow(status(100*i, netboot.StageUp, treeBytes), treeBytes)
	}
	boots := h.Latest(100)
	require.Len(t, boots, 50, "the first are forgotten")
	require.Equal(t, noon.Add(5900*time.Second), boots[0].Began)
	require.Zero(t, boots[0].Ended)
	for i, b := range boots[1:] {
		require.Equal(t, boots[i].Began, b.Ended, "a boot ends where the next begins")
	}
	require.Equal(t, boots[:3], h.Latest(3))
}

// What is heard of a boot after its power went does not bring it back.
func TestHistoryAfterTheEnd(t *testing.T) {
	var h demo.History
	h.Follow(status(0, netboot.StageLoading, 10), treeBytes)
	h.End(noon.Add(time.Minute))
	h.End(noon.Add(time.Hour))
	h.Follow(status(0, netboot.StageStalled, 10), treeBytes)
	require.Equal(t, model.Loading, h.Now().Class)
	require.Equal(t, noon.Add(time.Minute), h.Now().Ended)
	h.Follow(status(90, netboot.StageDiscover, 0), treeBytes)
	require.Equal(t, model.Asking, h.Now().Class)
	require.Len(t, h.Latest(9), 2)
	require.Equal(t, noon.Add(time.Minute), h.Latest(9)[1].Ended)
}

// A system that crashed stays so, whatever the boot server hears of it, until it boots
// again.
func TestHistoryOfACrash(t *testing.T) {
	var h demo.History
	h.Crash("nothing has booted yet")
	require.Equal(t, model.Off, h.Now().Class)
	h.Follow(status(0, netboot.StageUp, treeBytes), treeBytes)
	h.Crash("its kernel panicked")
	h.Follow(status(0, netboot.StageUp, treeBytes), treeBytes)
	require.Equal(t, model.Dead, h.Now().Class)
	require.Equal(t, "crashed", h.Now().Stage)
	require.Equal(t, "its kernel panicked", h.Now().Diagnosis)
	h.Follow(status(200, netboot.StageOffered, 0), treeBytes)
	require.Equal(t, model.Asking, h.Now().Class)
	h.End(noon.Add(300 * time.Second))
	h.Crash("too late")
	require.Empty(t, h.Now().Diagnosis)
}

func TestShownFile(t *testing.T) {
	for given, want := range map[string]string{
		"5e1f0000/start.elf":      "start.elf",
		"5e1f0000/overlays/a":     "overlays/a",
		"5E1F0000/start.elf":      "5E1F0000/start.elf",
		"bootcode.bin":            "bootcode.bin",
		"5e1f0000/":               "5e1f0000/",
		"a\x1b[2Jb\u202ec":        "a\ufffd[2Jb\ufffdc",
		"":                        "",
		string(make([]byte, 300)): "",
	} {
		got := demo.ShownFile(given)
		if len(given) == 300 {
			require.LessOrEqual(t, len(got), 200)
			require.True(t, len(got) > 100)
			continue
		}
		require.Equal(t, want, got, "%q", given)
	}
}

func TestKernelSize(t *testing.T) {
	require.Equal(t, 2<<20, demo.KernelSize(0.1))
	require.Equal(t, 2<<20, demo.KernelSize(1))
	require.Equal(t, 128<<10, demo.KernelSize(1000))
	for speed := 1.0; speed < 1000; speed *= 1.5 {
		require.GreaterOrEqual(t, demo.KernelSize(speed), demo.KernelSize(speed*1.5))
	}
}

// Every Pi of a full shelf has a VLAN, a /30 and a public address of its own.
func TestPlan(t *testing.T) {
	plan, err := demo.NewPlan(demo.MaxPis)
	require.NoError(t, err)
	require.Len(t, plan.Pis, demo.MaxPis)
	seen := make(map[any]string)
	for _, pi := range plan.Pis {
		for _, number := range []any{pi.VID, pi.Net, pi.Public, pi.Port} {
			require.Empty(t, seen[number], "%v of %s", number, pi.Name)
			seen[number] = pi.Name
		}
	}
}
