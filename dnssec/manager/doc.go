// Package manager keeps zones signed and their keys rolling: it carries out what
// [rotate.Step] decides, with real keys, a signer, a publisher and the parent zone.
//
//	m := &manager.Manager{
//		Keys:      dnssec.KeyFiles{Path: "/var/lib/dnssec/keys"},
//		Store:     store,                                       // states of the zones
//		Zones:     manager.ZoneFiles{Path: "/var/lib/dnssec/zones"}, // as published last
//		Publisher: server,
//		Parent:    func(zone string) manager.Parent { return poller },
//	}
//	go m.Run(ctx)
//	err := m.SetZone(ctx, zone)                            // published as it is
//	err = m.Enable(ctx, "example.org", manager.Policy{})   // from now on signed
//	status, err := m.Status(ctx, "example.org")
//	fmt.Print(status) // what it waits for, and which DS somebody must add
//
// Its nouns:
//
//   - [Manager] has the zones. Its methods may be called at any time, from many
//     goroutines; what concerns one zone waits for no other.
//   - [Policy] is what the operator wants of a zone. [Manager.Enable] begins with new
//     keys, [Manager.Adopt] with those by which another signer signs the zone.
//   - [Store] keeps a record of each zone: policy, state of the keys, serial. Files
//     do for one machine, etcd for several, of which one leads.
//   - [Publisher], [Zones], [Parent] are where signed zones go, where the last one is
//     kept, and who has the DS.
//   - [Status] and [Event] are for people and programs that watch.
//
// # What it promises
//
// A key is durable before the state knows it, the state is durable before a zone is
// signed by it, and each zone passes [dnssec.Verify] before anybody sees it. A process
// may die between any two of these: the next one takes up where it was.
//
// A lost or unreadable key halts its zone, which stays published as it was; no key is
// made in its place. So does a state that cannot be read. No clock that was set wrong
// makes a key step, no DS that vanished makes it strip a zone of its signatures.
//
// Each publication has one serial, and that was stored before, so that another
// machine that takes over goes on from it.
package manager
