package main

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"github.com/mythic-beasts/hostkit/netboot"
	"github.com/prometheus/client_golang/prometheus"
)

// eventLog writes a line for what an operator wants to know of boots: each file
// at Debug, each new stage at Info, trouble at Warn.
type eventLog struct {
	log     *slog.Logger
	tracker *netboot.Tracker

	mu     sync.Mutex
	stages map[string]netboot.Stage // by machine, guarded by mu
}

// Observe is part of [netboot.Observer].
func (l *eventLog) Observe(e netboot.Event) {
	switch e.Kind {
	case netboot.FileServed, netboot.FileMissing, netboot.FileProbed:
		l.file(slog.LevelDebug, e)
	case netboot.FileFailed, netboot.FileRefused:
		level := slog.LevelWarn
		if errors.Is(e.Err, netboot.ErrUpdateRefused) {
			level = slog.LevelDebug // every Pi 4 asks at every boot
		}
		l.file(level, e)
	case netboot.Stalled, netboot.GaveUp:
		l.log.Warn("boot "+e.Kind.String(), "machine", e.Machine, "diagnosis", e.Diagnosis.Code,
			"seen", e.Diagnosis.Text, "remedy", e.Diagnosis.Remedy)
	}
	l.stage(e)
}

func (l *eventLog) file(level slog.Level, e netboot.Event) {
	attrs := []slog.Attr{
		slog.String("machine", e.Machine), slog.String("interface", e.Client.Interface), slog.String("addr", e.Addr.String()),
		slog.String("file", e.File), slog.Int64("bytes", e.Bytes), slog.Int64("size", e.Size),
		slog.Duration("took", e.Took), slog.Int("retransmits", e.Retransmits),
	}
	if e.Err != nil {
		attrs = append(attrs, slog.Any("err", e.Err))
	}
	l.log.LogAttrs(context.Background(), level, e.Kind.String(), attrs...)
}

// stage logs the machine's stage when it is another one than before.
func (l *eventLog) stage(e netboot.Event) {
	s, ok := l.tracker.Status(e.Machine)
	if !ok {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stages == nil {
		l.stages = make(map[string]netboot.Stage)
	}
	if l.stages[s.Machine] == s.Stage {
		return
	}
	l.stages[s.Machine] = s.Stage
	if s.Stage == netboot.StageStalled || s.Stage == netboot.StageDead {
		return // the event has said so, with its diagnosis
	}
	attrs := []any{"machine", s.Machine, "stage", s.Stage.String(), "boot", s.Boots, "firmware", s.Client.Firmware.String()}
	if len(s.Client.MAC) > 0 {
		attrs = append(attrs, "mac", s.Client.MAC.String())
	}
	if s.Addr.IsValid() {
		attrs = append(attrs, "addr", s.Addr.String())
	}
	l.log.Info("boot", attrs...)
}

// newEventCounter returns an observer that counts events by their kind.
func newEventCounter(metrics prometheus.Registerer) netboot.Observer {
	count := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "netbootd_events_total", Help: "Steps of boots, by kind.",
	}, []string{"kind"})
	metrics.MustRegister(count)
	return netboot.ObserverFunc(func(e netboot.Event) { count.WithLabelValues(e.Kind.String()).Inc() })
}
