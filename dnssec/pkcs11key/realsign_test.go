package pkcs11key_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// program signs a zone by keys of a token, as a user of both modules would. It is given
// algorithm, PIN file and the file to write.
const program = `package main

import (
	"context"
	"log"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/pkcs11key"
)

func main() {
	if err := run(context.Background(), os.Args[1], os.Args[2], os.Args[3]); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, algorithm, pinFile, out string) error {
	store, err := pkcs11key.Open(pkcs11key.Options{Module: "` + library + `", Token: "dnssec", PINFile: pinFile})
	if err != nil {
		return err
	}
	defer store.Close()
	n, err := strconv.Atoi(algorithm)
	if err != nil {
		return err
	}
	var keys dnssec.KeyStore = &dnssec.SignerKeys{Signers: store}
	zone, err := dnssec.ParseZone(strings.NewReader("@ 3600 SOA ns hostmaster 1 7200 3600 1209600 900\n"+
		"@ 3600 NS ns\nns 3600 A 192.0.2.1\n*.w 300 TXT wild\nsub 3600 NS ns.sub\nns.sub 3600 A 192.0.2.2\n"), "example.org", dnssec.Options{})
	if err != nil {
		return err
	}
	if _, err := keys.Generate(ctx, zone.Origin(), dnssec.KeyOptions{Algorithm: dnssec.Algorithm(n), SEP: true}); err != nil {
		return err
	}
	found, err := keys.List(ctx, zone.Origin())
	if err != nil {
		return err
	}
	var signer dnssec.Signer
	signed, _, err := signer.Sign(ctx, zone, nil, []dnssec.KeyUse{dnssec.CSK(found[0])}, time.Now())
	if err != nil {
		return err
	}
	f, err := os.Create(out)
	if err != nil {
		return err
	}
	if _, err := signed.WriteTo(f); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return keys.Remove(ctx, found[0])
}
`

// TestRealSign signs a zone by package dnssec with keys in the token, and has it verified
// by BIND. The two modules meet in a workspace, as at a user's.
func TestRealSign(t *testing.T) {
	verify := look(t, "dnssec-verify")
	goTool := look(t, "go")
	o, _ := token(t)
	here, err := os.Getwd()
	must(t, err)
	dir := t.TempDir()
	root := filepath.Dir(filepath.Dir(here))
	work := fmt.Sprintf("go 1.26.0\n\nuse (\n\t%q\n\t%q\n\t%q\n)\n", root, here, dir)
	for name, text := range map[string]string{"go.work": work, "go.mod": "module example.org/signs\n\ngo 1.26.0\n", "main.go": program} {
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	build := exec.CommandContext(t.Context(), goTool, "build", "-o", "signs", ".")
	build.Dir = dir
	build.Env = append(os.Environ(), "GOWORK="+filepath.Join(dir, "go.work"), "GOFLAGS=-buildvcs=false")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	for name, algorithm := range algorithms {
		t.Run(name, func(t *testing.T) {
			zone := filepath.Join(dir, name+".zone")
			out, err := exec.CommandContext(t.Context(), filepath.Join(dir, "signs"), fmt.Sprint(algorithm), o.PINFile, zone).CombinedOutput()
			if err != nil {
				t.Fatalf("sign: %v\n%s", err, out)
			}
			out, err = exec.CommandContext(t.Context(), verify, "-z", "-o", "example.org", zone).CombinedOutput()
			if err != nil || !strings.Contains(string(out), "Zone fully signed") {
				t.Fatalf("dnssec-verify: %v\n%s", err, out)
			}
		})
	}
}
