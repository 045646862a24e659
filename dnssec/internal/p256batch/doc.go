// Package p256batch makes and verifies ECDSA signatures on P-256 many at a time, in
// less time than one by one.
//
//	signer, err := p256batch.New(key)
//	err = signer.Sign(signatures, digests) // one signature for each SHA-256 digest
//	verifier, err := p256batch.NewVerifier(&key.PublicKey)
//	verifier.Verify(good, signatures, digests)
//
// # Signing
//
// A signature needs the inverse of its nonce modulo the order of the curve, which is
// a quarter of its cost. The inverses of a batch come out of one inversion and three
// multiplications each. Points are those of filippo.io/nistec and numbers those of
// filippo.io/bigmod: both take the same time whatever the values, and so does what is
// between them here.
//
// A nonce is 512 bits of HMAC-SHA-512 over random bytes and the digest, reduced by
// the order, so that its bias is less than 2^-250. The HMAC's key is secret and made
// of the private key and random bytes. Nonces are neither guessed nor equal for two
// digests even if the random numbers of the system fail, as with RFC 6979.
//
// One signature of each batch, chosen at random, is verified by crypto/ecdsa before
// any is handed out, so that a fault of the arithmetic is not published for long.
//
// # Verifying
//
// Two thirds of the cost of a verification is a multiple of the key's point. Whoever
// verifies many signatures by one key has a table of such multiples, of half a
// megabyte, and adds 33 of them instead of doubling a point 256 times. Inverses come
// out of one inversion here too. Nothing is secret, and so the time may depend on the
// values.
//
// One signature of each batch, chosen at random, is verified by crypto/ecdsa as well.
// Should the two disagree, all of the batch are.
//
// # FIPS 140
//
// It is no validated module: New and NewVerifier refuse to work when Go is in FIPS 140
// mode.
package p256batch
