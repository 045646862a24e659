package initramfs_test

import (
	"testing"

	"github.com/mythic-beasts/hostkit/nfsroot"
	"github.com/mythic-beasts/hostkit/nfsroot/initramfs"
)

func TestRealStatic(t *testing.T) {
	l := newLab(t)
	k := debianKernel(t, "linux-image-6.1.0-*-cloud-amd64")
	initrd := k.build(t, nfsroot.AMD64, initramfs.Virt())
	root := tinyRoot(t, nfsroot.AMD64)
	l.serve(root)
	g := l.guest(k, initrd, "nfsroot=10.77.0.1:"+root+",vers=3,tcp ip=10.77.0.11:10.77.0.1::255.255.255.0:pi1:eth0:off")
	await(t, g, "end of init")
	t.Log(g.Output())
}
