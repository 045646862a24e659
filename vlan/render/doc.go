// Package render writes a plan as the configuration of everything that has a part
// in it: the file server, the Pis, and the switches of seven families.
//
//	plan, err := vlan.Build(spec, previous)
//	files, err := render.Text("cisco-ios", plan, render.Options{})
//	for _, f := range files {
//		fmt.Printf("%s: %s\n%s", f.For, f.Path, f.Text) // sw1: sw1.cisco-ios ...
//	}
//
// [Text] finds a target by its name, which [Targets] lists; each is a function
// too, as [Nftables] or [Junos]. What they return is a [File] or several: a name,
// a mode and the text. Equal plans give equal texts, and a Pi that is added to a
// plan adds lines of its own: besides them only lists change that name all VLANs
// or ports, such as a trunk's.
//
// The file server's texts close the hole that Linux leaves between interfaces: a
// host answers for all its addresses on all of them, so that a Pi would reach the
// address of another's network, with the other's address as its source, and NFS
// would believe it. [Nftables] and [Sysctl] are a part of the plan, no option.
//
// A text for a switch replaces what a port did before. Lists of allowed VLANs are
// set whole, before the port becomes a trunk, as a list that is added to on a
// port that was never a trunk is added to "all".
//
// Nothing that is in a plan can become another command, line, option or file:
// what is no plain word, address or number is a [*ValueError].
package render
