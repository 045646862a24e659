package daemon

import (
	"context"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	sd "github.com/coreos/go-systemd/v22/daemon"
)

// background is what runs beside [Program.Run]: reloads and the watchdog.
type background struct {
	cancel context.CancelFunc
	all    sync.WaitGroup
}

func (d *Daemon[C]) startBackground(load func() (*C, error)) *background {
	ctx, cancel := context.WithCancel(context.Background())
	b := &background{cancel: cancel}
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	b.all.Go(func() {
		defer signal.Stop(hangup)
		for {
			select {
			case <-hangup:
				d.reload(load)
			case <-ctx.Done():
				return
			}
		}
	})
	if interval, err := sd.SdWatchdogEnabled(false); err == nil && interval > 0 {
		b.all.Go(func() { d.feedWatchdog(ctx, interval/2) })
	}
	return b
}

func (b *background) stop() {
	b.cancel()
	b.all.Wait()
}

func (d *Daemon[C]) feedWatchdog(ctx context.Context, interval time.Duration) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		probe, cancel := context.WithTimeout(ctx, interval)
		err := d.healthy(probe)
		cancel()
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			d.Log.Error("not healthy: the watchdog is not fed", "err", err)
		default:
			d.notify(sd.SdNotifyWatchdog)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
