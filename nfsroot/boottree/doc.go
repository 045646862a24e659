// Package boottree puts together what a Raspberry Pi fetches when it boots from
// the network: firmware, device trees, a kernel, an initramfs, config.txt and
// cmdline.txt, all out of Debian's packages and without running anything of
// them.
//
//	src := &deb.Source{Dir: cache, Suite: "trixie", Arch: nfsroot.ARM64}
//	report, err := boottree.Assemble(ctx, boottree.Options{
//		Source:  src,
//		Models:  []boottree.Model{boottree.Pi4},
//		Cmdline: bootparam.Cmdline{NFSRoot: root, IP: ip},
//		MakeInitrd: func(ctx context.Context, modules string) ([]byte, error) {
//			… // for the modules of the very kernel in the tree
//		},
//	}, "/srv/tftp/pi17")
//
// The result is a plain folder, which any server of files serves; one that was
// there before is replaced in one step. The same packages and options make the
// same bytes.
//
// [RaspiFirmwareDefaults] is for the root of such a Pi: without it, upgrading a
// kernel there writes a cmdline.txt with the disk of whatever machine it happens
// to run on.
package boottree
