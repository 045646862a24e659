// Package rpi knows what Raspberry Pi boot firmware puts on the wire: how each
// stage introduces itself in a DHCP DISCOVER, what it wants to read in the
// reply, and which files it asks for in which order.
//
//	id, ok := rpi.ParseGUID(guid) // DHCP option 97
//	if ok {
//		fmt.Println(id.Model, id.Serial)
//	}
//
// Its nouns are [Identity] (model, board revision and serial number, as far as
// the client told), [VendorOptions] (the DHCP option 43 that makes a Pi accept
// an OFFER) and [FileKind] (what a requested file is for).
//
// The package only encodes, decodes and classifies; it opens no socket and no
// file.
package rpi
