package serialcon_test

import (
	"context"
	"testing"

	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/serialcontest"
)

// BenchmarkAttach is one viewer that attaches to 64 KiB of history and reads
// it all.
func BenchmarkAttach(b *testing.B) {
	const size = 64 << 10
	u, log := new(serialcontest.UART), new(serialcontest.Log)
	c := &serialcon.Console{Name: "pi", Port: u, Log: log, History: size}
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	_ = u.WaitOpen(ctx)
	host := &serialcontest.Host{Name: "h"}
	for n := range int64(size / 64) {
		u.Say(host.Line(n))
	}
	_ = log.Wait(ctx, func(p []byte, _ []serialcon.Event) bool { return len(p) == size })
	buf := make([]byte, 32<<10)
	b.SetBytes(size)
	for b.Loop() {
		s, err := c.Attach(ctx, serialcon.AttachOptions{History: -1, NoMarks: true})
		if err != nil {
			b.Fatal(err)
		}
		for got := 0; got < size; {
			n, err := s.Read(buf)
			if err != nil {
				b.Fatal(err)
			}
			got += n
		}
		_ = s.Close()
	}
	cancel()
	<-ended
}
