// Nfsroot builds a minimal Debian root, clones it for every diskless machine of
// a rack, and rebuilds and publishes these roots while the machines run.
//
//	nfsroot build                  # the base that nfsroot.toml describes
//	nfsroot clone                  # a root of its own for each machine
//	nfsroot boot-tree              # kernel, initramfs and firmware for netbootd
//	nfsroot exports                # what the NFS server must export
//	nfsroot rebuild pi17           # a new root for one machine, beside the old
//
// reference.toml beside this file describes the configuration.
package main

import "github.com/mythic-beasts/hostkit/examples/internal/cli"

const usage = `nfsroot builds and clones NFS roots.

usage: nfsroot [-config FILE] COMMAND [flags] [arguments]

  build [-o DIR | -tar FILE]     build the base root, for the farm or elsewhere
  clone [NAME...]                give machines that have none a root of the base
  rebuild [-cycle CMD] [NAME...] give machines a new root; the old one is kept
  confirm NAME...                the new root has booted: the old one may go
  rollback NAME...               go back to the root before
  gc                             remove roots that nothing can need any more
  status                         say which machine has which root
  push SRC DEST [NAME...]        put the files of a folder into roots
  drift DEST [NAME...]           say what is no longer as it was pushed
  exports [-format F]            print exports(5), or ganesha's configuration
  boot-tree [NAME...]            write what the machines load before their root
  lint [-fix] DIR|NAME...        find what does not work on NFS, or mend it
  size [-json] DIR|NAME          say what takes the space, by package and path
  keys [-format F] [NAME...]     print machines' SSH host keys: known_hosts, sshfp
  serve [-listen ADDR]           serve the roots by NFSv3 from this process
  check                          say whether the configuration is good
`

var program = cli.Program[*app]{
	Name:  "nfsroot",
	Usage: usage,
	New:   func(c *cli.Call) *app { return &app{c} },
	Commands: map[string]cli.Command[*app]{
		"boot-tree": bootTreeCommand,
		"build":     buildCommand,
		"check":     checkCommand,
		"clone":     cloneCommand,
		"confirm":   confirmCommand,
		"drift":     driftCommand,
		"exports":   exportsCommand,
		"gc":        gcCommand,
		"keys":      keysCommand,
		"lint":      lintCommand,
		"push":      pushCommand,
		"rebuild":   rebuildCommand,
		"rollback":  rollbackCommand,
		"serve":     serveCommand,
		"size":      sizeCommand,
		"status":    statusCommand,
	},
}

func main() { program.Main() }
