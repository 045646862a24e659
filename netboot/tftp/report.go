package tftp

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"github.com/mythic-beasts/hostkit/netboot"
	"github.com/mythic-beasts/hostkit/netboot/rpi"
)

// turnDown answers a request that got no file. Its place is free before the
// client can know: it may ask for a dozen missing files in as many milliseconds.
func (t *transfer) turnDown(err error) {
	now := time.Now()
	t.serving.gate.done(t)
	if cause := context.Cause(t.ctx); cause != nil {
		err = stopped(cause)
	}
	switch {
	case errors.Is(err, netboot.ErrUnknown), errors.Is(err, ErrReplaced), errors.Is(err, ErrLimit):
	default:
		_ = t.reply(replyTo(err))
	}
	switch {
	case errors.Is(err, netboot.ErrUpdateRefused), errors.Is(err, fs.ErrPermission),
		errors.Is(err, netboot.ErrUnknown), errors.Is(err, ErrTooLargeForText), errors.Is(err, ErrLimit):
		t.end(netboot.FileRefused, slog.LevelWarn, now, err)
	case errors.Is(err, fs.ErrNotExist):
		t.end(netboot.FileMissing, slog.LevelDebug, now, nil)
	default:
		t.end(netboot.FileFailed, slog.LevelError, now, err)
	}
}

// finish makes known how a transfer ended.
func (t *transfer) finish(err error) {
	now := time.Now()
	t.serving.gate.done(t)
	if t.left(err) {
		t.blocks.acked, err = t.blocks.total, nil
	}
	err = stopped(err)
	var peer *PeerError
	switch {
	case err == nil:
		if t.rollsOver() {
			err = ErrRollover
		}
		t.end(netboot.FileServed, slog.LevelInfo, now, err)
		if rpi.Classify(t.request.Name) == rpi.FileKernel {
			t.observe(netboot.KernelServed, now, nil)
		}
	case errors.As(err, &peer) && t.blocks.acked == 0 && (peer.Code == codeUndefined || peer.Code == codeAborted):
		t.end(netboot.FileProbed, slog.LevelDebug, now, nil)
	case errors.Is(err, ErrLimit):
		t.end(netboot.FileRefused, slog.LevelWarn, now, err)
	default:
		if t.rollsOver() {
			err = fmt.Errorf("%w (%w)", err, ErrRollover)
		}
		t.end(netboot.FileFailed, slog.LevelWarn, now, err)
	}
}

// stopped is what the end of Serve's context means.
func stopped(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return ErrStopped
	}
	return err
}

// left reports whether the client went on once it had the whole file, and only
// its last ACK was lost: it took blocks before, it has been sent the last one
// twice, and then its port was closed or asked for another file.
func (t *transfer) left(err error) bool {
	return (errors.Is(err, ErrUnreachable) || errors.Is(err, ErrReplaced)) &&
		t.blocks.allSent() && t.tries > 0
}

// end counts, logs and reports the end of a request.
func (t *transfer) end(kind netboot.EventKind, level slog.Level, now time.Time, err error) {
	c := t.conf.count
	switch kind {
	case netboot.FileServed:
		c.served.Add(1)
	case netboot.FileMissing:
		c.missing.Add(1)
	case netboot.FileProbed:
		c.probed.Add(1)
	case netboot.FileRefused:
		c.refused.Add(1)
	default:
		c.failed.Add(1)
	}
	c.bytes.Add(uint64(t.delivered()))
	e := t.observe(kind, now, err)
	attrs := []slog.Attr{
		slog.String("machine", e.Machine), slog.Any("client", t.arrival.peer), slog.String("interface", t.request.Interface),
		slog.String("file", e.File), slog.Int64("bytes", e.Bytes), slog.Int64("size", e.Size), slog.Duration("took", e.Took),
		slog.Duration("rtt", e.RTT), slog.Int("retransmits", e.Retransmits),
		slog.Int("blksize", t.params.block), slog.Int("windowsize", t.params.window),
	}
	if err != nil {
		attrs = append(attrs, slog.Any("err", err))
	}
	t.conf.log.LogAttrs(context.Background(), level, "tftp: "+kind.String(), attrs...)
}

func (t *transfer) observe(kind netboot.EventKind, now time.Time, err error) netboot.Event {
	e := netboot.Event{
		At: now, Kind: kind, Machine: t.request.Machine,
		Client: t.request.Client(), Addr: t.arrival.peer.Addr(),
		File: t.request.Name, Bytes: t.delivered(), Size: t.size,
		Took: now.Sub(t.began), RTT: t.timer.srtt, Retransmits: t.resent, Err: err,
	}
	t.conf.observer.Observe(e)
	return e
}

// delivered is how many bytes the client acknowledged.
func (t *transfer) delivered() int64 {
	return min(t.blocks.acked*int64(t.params.block), t.size)
}
