package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/bench/zonegen"
)

// lab is a folder with zones, keys and configurations.
type lab struct {
	folder string
	remove bool
}

func newLab(folder string) (*lab, error) {
	if folder != "" {
		folder, err := filepath.Abs(folder)
		return &lab{folder: folder}, err
	}
	folder, err := os.MkdirTemp("", "figures")
	return &lab{folder: folder, remove: true}, err
}

func (l *lab) close() {
	if l.remove {
		_ = os.RemoveAll(l.folder)
	}
}

// zone is an unsigned zone file, and a key of either role.
type zone struct {
	origin, folder, file, keys string
	ksk, zsk                   string // the key files without their ends
}

func (z *zone) path(name string) string { return filepath.Join(z.folder, name) }

// zone makes a zone, or finds it as an earlier run left it.
func (l *lab) zone(profile zonegen.Profile, names int) (*zone, error) {
	z := &zone{origin: string(profile) + ".test", folder: filepath.Join(l.folder, fmt.Sprintf("%s-%d", profile, names))}
	z.file, z.keys = z.path("zone"), z.path("keys")
	if err := os.MkdirAll(z.keys, 0o700); err != nil {
		return nil, err
	}
	if _, err := os.Stat(z.file); err != nil {
		if err := writeFile(z.file, func(w io.Writer) error {
			return zonegen.Write(w, zonegen.Options{Profile: profile, Names: names})
		}); err != nil {
			return nil, err
		}
	}
	return z, z.makeKeys()
}

func (z *zone) makeKeys() error {
	name, err := dnssec.ParseName(z.origin)
	if err != nil {
		return err
	}
	keys, err := dnssec.KeyDir{Path: z.keys}.List(name)
	if err != nil {
		return err
	}
	for _, sep := range []bool{true, false}[min(len(keys), 2):] {
		k, err := dnssec.GenerateKey(z.origin, dnssec.KeyOptions{SEP: sep, Others: keys})
		if err != nil {
			return err
		}
		k.Timing.Publish, k.Timing.Activate = k.Timing.Created, k.Timing.Created
		if err := (dnssec.KeyDir{Path: z.keys}).Save(k); err != nil {
			return err
		}
		keys = append(keys, k)
	}
	for _, k := range keys {
		if k.SEP() {
			z.ksk = filepath.Join(z.keys, k.String())
		} else {
			z.zsk = filepath.Join(z.keys, k.String())
		}
	}
	return nil
}

// knot writes a configuration for kzonesign, which makes keys of its own.
func (z *zone) knot(denial string) (string, error) {
	return z.knotConf("knot-"+denial, denial, "", "")
}

// knotServer writes one for knotd, which signs the zone and takes updates.
func (z *zone) knotServer(port int) (string, error) {
	return z.knotConf("knotd", "nsec", fmt.Sprintf(`    listen: 127.0.0.1@%d
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
`, port), `    zonefile-sync: -1
    acl: a
`)
}

func (z *zone) knotConf(name, denial, server, zone string) (string, error) {
	on := map[string]string{"nsec": "off", "nsec3": "on"}[denial]
	folder := z.path(name)
	conf := strings.NewReplacer("FOLDER", folder, "ORIGIN", z.origin, "FILE", z.file, "NSEC3", on).Replace(`server:
    rundir: "FOLDER"
` + server + `database:
    storage: "FOLDER/db"
log:
  - target: stderr
    any: warning
acl:
  - id: a
    address: 127.0.0.1
    action: update
policy:
  - id: p
    algorithm: ecdsap256sha256
    signing-threads: 2
    nsec3: NSEC3
    nsec3-iterations: 0
    nsec3-salt-length: 0
zone:
  - domain: ORIGIN
    file: FILE
    dnssec-signing: on
    dnssec-policy: p
` + zone)
	if err := os.MkdirAll(filepath.Join(folder, "db"), 0o700); err != nil {
		return "", err
	}
	return folder + ".conf", os.WriteFile(folder+".conf", []byte(conf), 0o600)
}

// writeFile makes a file of what write writes.
func writeFile(path string, write func(io.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<16)
	if err := write(w); err != nil {
		_ = f.Close()
		return err
	}
	if err := w.Flush(); err != nil {
		_ = f.Close()
		return err
	}
	return f.Close()
}

// laps says how long each part took.
func laps(w io.Writer) func(what string) {
	last := time.Now()
	return func(what string) {
		now := time.Now()
		_, _ = fmt.Fprintf(w, "%-28s %6.2f s\n", what, now.Sub(last).Seconds())
		last = now
	}
}
