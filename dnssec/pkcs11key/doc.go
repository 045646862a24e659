// Package pkcs11key keeps private keys in a hardware security module, or in any token
// that has a PKCS #11 library, and signs zones by them.
//
//	store, err := pkcs11key.Open(pkcs11key.Options{
//		Module:  "/usr/lib/softhsm/libsofthsm2.so",
//		Token:   "dnssec",
//		PINFile: "/etc/dnssecd/pin",
//	})
//	if err != nil { … }
//	defer store.Close()
//	keys := &dnssec.SignerKeys{Signers: store}
//
// It is a module of its own, so that cgo, which PKCS #11 needs, stays out of the rest. It
// has the methods of dnssec.SignerStore and imports nothing of package dnssec.
//
// Keys are RSA, ECDSA with P-256 and P-384, and Ed25519 where the token has it. They are
// made in the token, marked sensitive and not extractable: nobody reads them out, who has
// the PIN neither. Several sessions sign at once.
//
// When the token goes away and comes back, or its sessions are lost, the next call logs in
// again. A PIN that the token refused is not tried again before the file changes, so that
// no token is locked by repetition.
//
// One Store at a time may be open on one library in a process.
package pkcs11key
