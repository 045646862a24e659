package poe_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mythic-beasts/hostkit/poe"
	"github.com/mythic-beasts/hostkit/poe/poetest"
	"github.com/stretchr/testify/require"
)

func TestAuditRecords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(2)
		l.Policy.Protected = []string{"2"}
		for _, action := range []poe.Action{poe.ActionCycle, poe.ActionOff, poe.ActionOff, poe.ActionOn, poe.ActionUnlock} {
			_, err := l.do(t.Context(), action, "1")
			require.NoError(t, err)
		}
		_, err := l.Off(t.Context(), "2", why)
		require.Error(t, err)
		l.sw.SetFaults(poetest.SwitchFaults{Ignore: true})
		_, err = l.Off(t.Context(), "1", why)
		require.Error(t, err)

		var outcomes []poe.Outcome
		for _, r := range l.audit.records {
			require.Equal(t, "sw1", r.Switch)
			require.Equal(t, why.Who, r.Who)
			require.Equal(t, why.Why, r.Why)
			require.Equal(t, r.Error != "", r.Outcome == poe.OutcomeRefused || r.Outcome == poe.OutcomeFailed)
			outcomes = append(outcomes, r.Outcome)
		}
		require.Equal(t, []poe.Outcome{
			poe.OutcomeDone, poe.OutcomeDone, poe.OutcomeUnchanged, poe.OutcomeDone, poe.OutcomeDone,
			poe.OutcomeRefused, poe.OutcomeFailed,
		}, outcomes)

		cycle := l.audit.records[0]
		require.Equal(t, "1", cycle.Port)
		require.EqualValues(t, 2100, cycle.Milliwatts)
		require.GreaterOrEqual(t, cycle.OffFor, int64(5000))
		require.Greater(t, cycle.Took, cycle.OffFor)
		require.Equal(t, poe.DetectionDelivering, cycle.Before.Detection)
		require.Equal(t, poe.DetectionDisabled, l.audit.records[1].After.Detection)
	})
}

// What was done stays done if the audit fails, and the caller hears of it.
func TestAuditFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(1)
		l.audit.err = errBoom
		res, err := l.Cycle(t.Context(), "1", why)
		require.ErrorIs(t, err, errBoom)
		require.ErrorIs(t, res.Err, errBoom)
		require.True(t, res.After.Delivering())
	})
}

func TestAuditFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "audit.jsonl")
	a := poe.AuditFile{Path: file}
	hostile := poe.Record{Who: "eve\n{\"who\":\"root\"}", Why: "\x1b[2J\xff", Action: poe.ActionOff, Switch: "sw1"}
	require.NoError(t, a.Record(t.Context(), hostile))

	var writers sync.WaitGroup
	for range 20 {
		writers.Go(func() {
			if err := a.Record(t.Context(), poe.Record{Who: "ops", Why: strings.Repeat("x", 5000)}); err != nil {
				t.Error(err)
			}
		})
	}
	writers.Wait()

	// A crash in the middle of a line costs that line only.
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_APPEND, 0)
	require.NoError(t, err)
	_, err = f.WriteString(`{"time":"2026-`)
	require.NoError(t, errors.Join(err, f.Close()))
	require.NoError(t, a.Record(t.Context(), poe.Record{Who: "last"}))

	data, err := os.ReadFile(file)
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
	require.Len(t, lines, 23)
	for i, line := range lines {
		var r poe.Record
		if err := json.Unmarshal([]byte(line), &r); i == 21 {
			require.Error(t, err)
			continue
		}
		require.NoError(t, json.Unmarshal([]byte(line), &r), line)
	}
	var first poe.Record
	require.NoError(t, json.Unmarshal([]byte(lines[0]), &first))
	require.Equal(t, hostile.Who, first.Who)
	require.NotContains(t, string(data), "\x1b")
	require.NotContains(t, string(data), "\xff")

	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Zero(t, info.Mode()&0o077)
	require.Error(t, poe.AuditFile{Path: filepath.Join(file, "below")}.Record(t.Context(), poe.Record{}))
}

func TestAuditLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		l := newLab(1)
		file := filepath.Join(t.TempDir(), "audit.jsonl")
		l.Audit = poe.Audits{poe.AuditLog{Log: slog.New(slog.NewTextHandler(&out, nil))}, poe.AuditFile{Path: file}, l.audit}
		_, err := l.Cycle(t.Context(), "1", poe.Reason{Who: "eve\nlevel=ERROR", Why: strings.Repeat("y", 9000)})
		require.NoError(t, err)
		l.Policy.MaxCycles = 1
		_, err = l.Cycle(t.Context(), "1", why)
		require.Error(t, err)

		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		require.Len(t, lines, 2)
		require.Less(t, len(lines[0]), 2000, "reasons are clipped")
		for _, want := range []string{"level=INFO", "port=1", "action=cycle", "outcome=done", `who="eve\nlevel=ERROR"`, "mw=2100", "off_ms=5"} {
			require.Contains(t, lines[0], want)
		}
		require.Contains(t, lines[1], "level=WARN")
		require.Contains(t, lines[1], "outcome=refused")
		require.FileExists(t, file)
		require.Len(t, l.audit.records, 2)
	})
}

// The steps between are in the controller's log: surprises as warnings.
func TestLogOfSurprises(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		l := newLab(1)
		l.Log = slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
		l.sw.SetFaults(poetest.SwitchFaults{Repeat: 5500 * time.Millisecond})
		_, err := l.Cycle(t.Context(), "1", why)
		require.NoError(t, err)
		require.Contains(t, out.String(), "went off again")
		require.Equal(t, 3, strings.Count(out.String(), `level=DEBUG msg="poe order" switch=sw1 port=1`))
		l.sw.SetFaults(poetest.SwitchFaults{LoseAnswers: true})
		_, err = l.Cycle(t.Context(), "1", why)
		require.NoError(t, err)
		require.Contains(t, out.String(), "without effect so far")
	})
}
