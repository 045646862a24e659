// Package httpboot serves machines their boot files by HTTP: to UEFI HTTP
// boot, to iPXE, and to a Raspberry Pi that fetches its signed boot.img and
// boot.sig.
//
//	l, err := net.Listen("tcp", ":80")
//	h := &httpboot.Handler{Inventory: inventory}
//	err = h.Serve(ctx, l)
//
// A [Handler] finds the machine by the interface and address that a connection
// came from, and serves its own view of files ([netboot.Machine.Open]) with
// ranges, entity tags and HEAD. It is an [http.Handler]; [Handler.Serve] puts
// the right server around it, and [ConnContext] is what any other server needs
// to tell it the interface.
//
// There is no directory listing, no upload, no redirect, and nothing that is
// outside of the machine's view, whatever the URL.
package httpboot
