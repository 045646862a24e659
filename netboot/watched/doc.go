// Package watched is an inventory of machines that are kept in a store which many boot
// servers watch, such as etcd: one key a machine.
//
//	inventory := &watched.Inventory{Store: store, Prefix: "machines/", Parse: parse}
//	go inventory.Run(ctx)
//	handler := &dhcp.Handler{Inventory: inventory, …}
//
// A change of one machine is in force at once, and transfers go on with what they have
// opened. A machine that makes no sense stays as it was, and of two that want the same
// key or address the first by name has it, on every server. While the store does not
// answer, the machines are those that were known: [Inventory.Status] says so.
//
// What a value is, [Inventory.Parse] says: netbootd takes JSON.
package watched
