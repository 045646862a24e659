package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/bench/zonegen"
)

// signGoals are those of a whole signing.
var signGoals = []goal{
	{program: "kzonesign", wall: 0.4}, {program: "ldns-signzone", wall: 0.35, cpu: 0.55}, {program: "dnssec-signzone", wall: 0.3},
}

func signHosting(ctx context.Context, o *options, l *lab) error {
	return o.sign(ctx, l, zonegen.Hosting, o.names, "nsec", signGoals)
}

func signHosting3(ctx context.Context, o *options, l *lab) error {
	return o.sign(ctx, l, zonegen.Hosting, o.names, "nsec3", nil)
}

func signTLD(ctx context.Context, o *options, l *lab) error {
	return o.sign(ctx, l, zonegen.TLD, o.names, "nsec", nil)
}

func signTLD3(ctx context.Context, o *options, l *lab) error {
	return o.sign(ctx, l, zonegen.TLD, o.names, "nsec3", nil)
}

func signMany(ctx context.Context, o *options, l *lab) error {
	return o.sign(ctx, l, zonegen.Hosting, o.many, "nsec", []goal{{program: "kzonesign", size: 1}})
}

func signMany3(ctx context.Context, o *options, l *lab) error {
	return o.sign(ctx, l, zonegen.TLD, o.many, "nsec3", []goal{{program: "kzonesign", cpu: 0.6, size: 1}})
}

// sign measures full signings, from a zone file to a signed one.
func (o *options) sign(ctx context.Context, l *lab, profile zonegen.Profile, names int, denial string, goals []goal) error {
	z, err := l.zone(profile, names)
	if err != nil {
		return err
	}
	commands, err := z.signers(denial)
	if err != nil {
		return err
	}
	return o.compare(ctx, comparison{
		title: fmt.Sprintf("sign a zone of %d names, %s, by %s", names, profile, denial),
		goals: goals, subjects: o.subjects(commands),
	})
}

// signers are the programs that sign the zone, each from its file to a signed file.
func (z *zone) signers(denial string) ([]command, error) {
	out := z.path("signed")
	knot, err := z.knot(denial)
	if err != nil {
		return nil, err
	}
	var bind, ldns []string
	if denial == "nsec3" {
		bind, ldns = []string{"-3", "-", "-H", "0"}, []string{"-n", "-t", "0"}
	}
	bind = append(bind, "-P", "-S", "-K", z.keys, "-d", z.keys, "-n", "2", "-o", z.origin, "-f", out, z.file)
	ldns = append(ldns, "-o", z.origin, "-f", out, z.file, z.ksk, z.zsk)
	return []command{
		ourselves("sign", z.origin, z.file, z.keys, denial, "batch", out),
		named("ours, one by one", ourselves("sign", z.origin, z.file, z.keys, denial, "plain", out)),
		{"kzonesign", exec.Command("kzonesign", "-c", knot, "-o", z.path("knot-"+denial), z.origin)},
		{"ldns-signzone", exec.Command("ldns-signzone", ldns...)},
		{"dnssec-signzone", exec.Command("dnssec-signzone", bind...)},
	}, nil
}

// signFile is what is measured of us: a file read, signed and written.
func signFile(ctx context.Context, args []string) error {
	origin, file, keys, denial, engine, out := args[0], args[1], args[2], args[3], args[4], args[5]
	lap := laps(os.Stdout)
	z, err := readZone(origin, file)
	if err != nil {
		return err
	}
	lap("parse")
	use, err := uses(z.Origin(), keys)
	if err != nil {
		return err
	}
	s := dnssec.Signer{BatchECDSA: engine == "batch"}
	if denial == "nsec3" {
		s.Denial = dnssec.NSEC3
	}
	signed, report, err := s.Sign(ctx, z, nil, use, time.Now())
	if err != nil {
		return err
	}
	lap(fmt.Sprintf("sign: %d signatures", report.Signed))
	err = writeFile(out, func(w io.Writer) error {
		_, err := signed.WriteTo(w)
		return err
	})
	if err != nil {
		return err
	}
	lap("write")
	return nil
}

// uses are the keys of a folder, in their roles.
func uses(zone dnssec.Name, folder string) ([]dnssec.KeyUse, error) {
	keys, err := dnssec.KeyDir{Path: folder}.List(zone)
	if err != nil {
		return nil, err
	}
	var use []dnssec.KeyUse
	for _, k := range keys {
		if k.SEP() {
			use = append(use, dnssec.KSK(k))
		} else {
			use = append(use, dnssec.ZSK(k))
		}
	}
	return use, nil
}
