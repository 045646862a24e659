package httpboot_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"

	"github.com/mythic-beasts/hostkit/netboot"
	"github.com/mythic-beasts/hostkit/netboot/httpboot"
)

// A Pi on its own interface fetches its signed image.
func Example() {
	inventory, err := netboot.NewStatic(netboot.Reservation{
		Interface: "eth0.17",
		Machine: netboot.Machine{
			Name:  "pi17",
			Addr:  netip.MustParsePrefix("10.80.0.66/30"),
			Files: netboot.TextFS(map[string]string{"boot.img": "the image"}),
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	h := &httpboot.Handler{
		Inventory: inventory,
		Interface: "eth0.17", // found by h.Serve where there are several
		Observer:  netboot.ObserverFunc(func(e netboot.Event) { fmt.Println(e.Machine, e.Kind, e.File) }),
	}
	server := httptest.NewServer(h) // in earnest: h.Serve(ctx, listener)
	defer server.Close()

	r, err := http.Get(server.URL + "/boot.img")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	fmt.Println(r.StatusCode, string(text), err)
	// Unordered output:
	// 200 the image <nil>
	// pi17 file served boot.img
	// pi17 kernel served boot.img
}
