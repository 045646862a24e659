package vlan

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"
)

const defaultRollback = time.Minute

// rollback undoes the steps that were tried, the last of which may not have happened,
// or in part. What is then still not as it was, because the switch changed more
// than it was told to, is put right by the shortest way.
func (a *applier) rollback(ctx context.Context, cause error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.timeout())
	defer cancel()
	now := State{}
	if a.read(ctx) == nil {
		now = a.report.After.Clone()
	}
	failed := a.undo(ctx, slices.Backward(a.undos(a.tried)), now)
	for again := range 2 {
		if err := a.read(ctx); err != nil {
			failed = append(failed, err)
			break
		}
		left := differences(a.report.After, a.report.Before)
		if len(left) == 0 {
			return cause
		}
		if again == 1 {
			failed = append(failed, fmt.Errorf("%s", strings.Join(left, "; ")))
			break
		}
		repair := restore(a.report.After, a.report.Before)
		failed = append(failed, a.undo(ctx, slices.All(repair), a.report.After.Clone())...)
	}
	return fmt.Errorf("%w; %w: %w", cause, ErrRollback, errors.Join(failed...))
}

// undo does steps that are not in effect. With the zero state, which nobody could
// read, that is all of them: doing what is done already is no error.
func (a *applier) undo(ctx context.Context, steps iter.Seq2[int, Step], now State) (failed []error) {
	for _, s := range steps {
		if now.Ports != nil && s.In(now) {
			continue
		}
		a.report.Undone = append(a.report.Undone, s)
		if err := a.Do(ctx, s); err != nil {
			failed = append(failed, fmt.Errorf("undo, %v: %w", s, err))
			continue
		}
		if now.Ports != nil {
			_ = now.change(s) // what the switch refuses was an error above
		}
	}
	return failed
}

func (a *applier) timeout() time.Duration {
	if a.opts.RollbackTimeout > 0 {
		return a.opts.RollbackTimeout
	}
	return defaultRollback
}

// undos are the steps that undo each of the first n.
func (a *applier) undos(n int) []Step {
	undos := make([]Step, 0, n)
	now := a.report.Before.Clone()
	for _, s := range a.report.Steps[:n] {
		undos = append(undos, s.Undo(now))
		_ = now.change(s) // Diff did the same before
	}
	return undos
}

// restore is steps from a state to one that was before.
func restore(now, before State) []Step {
	var steps []Step
	for _, v := range slices.Sorted(maps.Keys(before.VLANs)) {
		if name, there := now.VLANs[v]; !there {
			steps = append(steps, Step{Op: CreateVLAN, VID: v, Name: before.VLANs[v]})
		} else if name != before.VLANs[v] {
			steps = append(steps, Step{Op: RenameVLAN, VID: v, Name: before.VLANs[v]})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(before.Ports)) {
		steps = append(steps, restorePort(name, now.Ports[name], before.Ports[name])...)
	}
	for _, v := range slices.Sorted(maps.Keys(now.VLANs)) {
		if _, there := before.VLANs[v]; !there {
			steps = append(steps, Step{Op: DeleteVLAN, VID: v})
		}
	}
	return steps
}

func restorePort(name string, now, was PortState) []Step {
	var steps []Step
	for _, v := range was.Untagged {
		steps = append(steps, Step{Op: Join, Port: name, VID: v, Untagged: true})
	}
	for _, v := range was.Tagged {
		steps = append(steps, Step{Op: Join, Port: name, VID: v})
	}
	steps = append(steps, Step{Op: SetPVID, Port: name, VID: was.PVID})
	for _, v := range append(slices.Clone(now.Untagged), now.Tagged...) {
		if !was.Member(v) {
			steps = append(steps, Step{Op: Leave, Port: name, VID: v})
		}
	}
	return append(steps,
		Step{Op: SetIngress, Port: name, On: was.Ingress}, Step{Op: SetFrames, Port: name, Frames: was.Frames},
		Step{Op: SetIsolated, Port: name, On: was.Isolated}, Step{Op: SetEdge, Port: name, On: was.Edge})
}

// differences names what is not as it was.
func differences(now, before State) []string {
	var left []string
	for v, name := range before.VLANs {
		if got, there := now.VLANs[v]; !there || got != name {
			left = append(left, fmt.Sprintf("VLAN %d is %q and was %q", v, got, name))
		}
	}
	for v, name := range now.VLANs {
		if _, there := before.VLANs[v]; !there {
			left = append(left, fmt.Sprintf("VLAN %d %q is new", v, name))
		}
	}
	for name, was := range before.Ports {
		if got := now.Ports[name]; !got.Equal(was) {
			left = append(left, fmt.Sprintf("port %s is %v and was %v", name, got, was))
		}
	}
	slices.Sort(left)
	return left
}

// String is the state in short: "PVID 11, untagged 11, tagged 131".
func (p PortState) String() string {
	return fmt.Sprintf("PVID %d, untagged %q, tagged %q, ingress %t, %s frames, isolated %t, edge %t",
		p.PVID, p.Untagged, p.Tagged, p.Ingress, p.Frames, p.Isolated, p.Edge)
}
