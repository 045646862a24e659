package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/bench/zonegen"
)

// updates is how many changes one figure is the mean of.
const updates = 20

// updateOne measures the change of one record in a signed zone: with knotd a dynamic
// update to its answer, with us an update, what is signed of it and the difference.
func updateOne(ctx context.Context, o *options, l *lab) error {
	z, err := l.zone(zonegen.Hosting, o.names)
	if err != nil {
		return err
	}
	subjects := []subject{{"ours", func(ctx context.Context) (figure, error) { return z.updateOurs(ctx) }}}
	if o.programs.MatchString("knotd") {
		k, err := startKnot(ctx, z)
		if err != nil {
			return err
		}
		defer k.stop()
		subjects = append(subjects, subject{"knotd", k.update})
	}
	return o.compare(ctx, comparison{
		title: fmt.Sprintf("change one record in a signed zone of %d names, hosting, NSEC", o.names),
		units: []string{"ms wall", "ms CPU", "MB"},
		goals: []goal{{program: "knotd", cpu: 0.02}}, subjects: subjects,
	})
}

// spent is what a process of ours says that each change cost it, in ms.
type spent struct{ Wall, CPU float64 }

func (z *zone) updateOurs(ctx context.Context) (figure, error) {
	out := z.path("spent")
	c := ourselves("update", z.origin, z.file, z.keys, out)
	f, err := c.once(ctx)
	if err != nil {
		return f, err
	}
	b, err := os.ReadFile(out)
	if err != nil {
		return f, err
	}
	var s spent
	err = json.Unmarshal(b, &s)
	return figure{wall: s.Wall, cpu: s.CPU, size: f.size}, err
}

// updateZone is the process whose changes are measured.
func updateZone(ctx context.Context, args []string) error {
	z, err := readZone(args[0], args[1])
	if err != nil {
		return err
	}
	use, err := uses(z.Origin(), args[2])
	if err != nil {
		return err
	}
	s := dnssec.Signer{BatchECDSA: true}
	signed, _, err := s.Sign(ctx, z, nil, use, time.Now())
	if err != nil {
		return err
	}
	start, used := time.Now(), cpuTime()
	for i := range updates {
		rr, err := changed(i, args[0])
		if err != nil {
			return err
		}
		if z, err = z.Update(func(tx *dnssec.Tx) error { return tx.Replace(rr) }); err != nil {
			return err
		}
		next, _, err := s.Sign(ctx, z, signed, use, time.Now())
		if err != nil {
			return err
		}
		if removed, added := dnssec.Diff(signed, next); len(removed) == 0 || len(added) == 0 {
			return fmt.Errorf("change %d made no difference", i)
		}
		signed = next
	}
	each := func(d time.Duration) float64 { return d.Seconds() * 1000 / updates }
	b, err := json.Marshal(spent{each(time.Since(start)), each(cpuTime() - used)})
	if err != nil {
		return err
	}
	return os.WriteFile(args[3], b, 0o600)
}

// changed is the record of the i-th change: of one name, each time another.
func changed(i int, origin string) (dns.RR, error) {
	return dns.NewRR(fmt.Sprintf("mail.%s. 3600 IN A 192.0.2.%d", strings.TrimSuffix(origin, "."), i%200+1))
}

// knotd is a running server that signs the zone.
type knotd struct {
	*server
	origin string
	next   int
}

func startKnot(ctx context.Context, z *zone) (*knotd, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	conf, err := z.knotServer(port)
	if err != nil {
		return nil, err
	}
	s, err := startServer(ctx, exec.Command("knotd", "-c", conf), port)
	if err != nil {
		return nil, err
	}
	k := &knotd{server: s, origin: z.origin + "."}
	return k, k.ready(ctx, k.origin)
}

// update changes the record by DNS UPDATE (RFC 2136).
func (k *knotd) update(ctx context.Context) (figure, error) {
	used, start := k.cpu(), time.Now()
	for range updates {
		rr, err := changed(k.next, k.origin)
		if err != nil {
			return figure{}, err
		}
		k.next++
		m := new(dns.Msg).SetUpdate(k.origin)
		m.RemoveRRset([]dns.RR{rr})
		m.Insert([]dns.RR{rr})
		c := dns.Client{Net: "tcp", Timeout: time.Minute}
		answer, _, err := c.ExchangeContext(ctx, m, k.addr)
		if err != nil {
			return figure{}, fmt.Errorf("knotd: update: %w", err)
		}
		if answer.Rcode != dns.RcodeSuccess {
			return figure{}, fmt.Errorf("knotd: update: %s", dns.RcodeToString[answer.Rcode])
		}
	}
	each := func(d time.Duration) float64 { return d.Seconds() * 1000 / updates }
	return figure{wall: each(time.Since(start)), cpu: each(k.cpu() - used), size: k.memory()}, nil
}
