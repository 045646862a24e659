package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"

	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/bench/zonegen"
)

// verifyHosting measures the validation of a whole zone file.
func verifyHosting(ctx context.Context, o *options, l *lab) error {
	z, err := l.zone(zonegen.Hosting, o.names)
	if err != nil {
		return err
	}
	file, err := z.signedFile(ctx)
	if err != nil {
		return err
	}
	return o.compare(ctx, comparison{
		title: fmt.Sprintf("verify a signed zone of %d names, hosting, NSEC", o.names),
		goals: []goal{{program: "dnssec-verify", wall: 0.6}},
		subjects: o.subjects([]command{
			ourselves("verify", z.origin, file),
			{"dnssec-verify", exec.Command("dnssec-verify", "-q", "-o", z.origin, file)},
			{"ldns-verify-zone", exec.Command("ldns-verify-zone", file)},
			{"kzonecheck", exec.Command("kzonecheck", "-o", z.origin, "-d", "on", file)},
		}),
	})
}

// signedFile is the zone as we sign it.
func (z *zone) signedFile(ctx context.Context) (string, error) {
	file := z.path("signed-by-us")
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		return file, err
	}
	_, err := ourselves("sign", z.origin, z.file, z.keys, "nsec", "batch", file).once(ctx)
	return file, err
}

func verifyFile(ctx context.Context, args []string) error {
	z, err := readZone(args[0], args[1])
	if err != nil {
		return err
	}
	return dnssec.Verify(ctx, z, dnssec.VerifyOptions{})
}

func readZone(origin, file string) (*dnssec.Zone, error) {
	in, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = in.Close() }()
	return dnssec.ParseZone(bufio.NewReaderSize(in, 1<<16), origin, dnssec.Options{})
}
