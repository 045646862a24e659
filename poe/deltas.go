package poe

import (
	"time"
)

// Snapshot is one look at a switch.
type Snapshot struct {
	Switch  string // the name of the [Target]
	Ports   []PortStatus
	Budgets []Budget // none if the switch has none to tell
	At      time.Time
	Took    time.Duration
	Err     error // why there is nothing else
}

// DefaultThreshold is the use of a supply, in percent, from which there is an
// [EventBudgetHigh] if the switch has no threshold of its own.
const DefaultThreshold = 80

// Deltas returns what happened between two looks at a switch, as far as they
// show it. A port or a supply that one of them does not have says nothing. For
// threshold 0 means [DefaultThreshold].
func Deltas(before, after Snapshot, threshold int) []Event {
	if threshold == 0 {
		threshold = DefaultThreshold
	}
	known := make(map[string]int, len(before.Ports))
	for i, st := range before.Ports {
		known[st.Name] = i
	}
	var events []Event
	for _, st := range after.Ports {
		if then, ok := known[st.Name]; ok {
			events = append(events, portDeltas(before.Ports[then], st)...)
		}
	}
	events = append(events, budgetDeltas(before.Budgets, after.Budgets, threshold)...)
	for i := range events {
		events[i].At, events[i].Switch = after.At, after.Switch
	}
	return events
}

func portDeltas(before, after PortStatus) []Event {
	delta := after.Counters.Since(before.Counters)
	was, is := before.Detection == DetectionDelivering, after.Detection == DetectionDelivering
	var events []Event
	for _, e := range [...]struct {
		kind     EventKind
		happened bool
	}{
		{EventPowerOn, is && !was},
		{EventPowerOff, was && !is},
		{EventPowerLost, was && is && delta.MPSAbsent > 0},
		{EventFault, after.Detection.Fault() && !before.Detection.Fault()},
		{EventDenied, delta.Denied > 0},
		{EventOverload, delta.Overload > 0},
		{EventShort, delta.Short > 0},
		{EventInvalidSignature, delta.InvalidSignature > 0},
	} {
		if e.happened {
			events = append(events, Event{Kind: e.kind, Port: after.Name, Status: after, Counters: delta})
		}
	}
	return events
}

func budgetDeltas(before, after []Budget, threshold int) []Event {
	known := make(map[int]Budget, len(before))
	for _, b := range before {
		known[b.Group] = b
	}
	var events []Event
	for _, b := range after {
		then := known[b.Group] // a supply seen first that is bad is news
		if was, is := then.Over(threshold), b.Over(threshold); was != is {
			events = append(events, Event{Kind: either(is, EventBudgetHigh, EventBudgetNormal), Budget: b})
		}
		if then.Faulty != b.Faulty {
			events = append(events, Event{Kind: either(b.Faulty, EventSupplyFault, EventSupplyGood), Budget: b})
		}
	}
	return events
}

func either(cond bool, yes, no EventKind) EventKind {
	if cond {
		return yes
	}
	return no
}
