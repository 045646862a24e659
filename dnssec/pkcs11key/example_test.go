package pkcs11key_test

import (
	"context"
	"fmt"
	"log"

	"github.com/mythic-beasts/hostkit/dnssec/pkcs11key"
)

func Example() {
	store, err := pkcs11key.Open(pkcs11key.Options{
		Module:  "/usr/lib/softhsm/libsofthsm2.so",
		Token:   "dnssec",
		PINFile: "/etc/dnssecd/pin",
	})
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	// keys := &dnssec.SignerKeys{Signers: store} is a KeyStore for a Manager.
	labels, err := store.List(context.Background(), "Kexample.com.+")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(labels)
}
