// Package stepcatest runs step-ca, Smallstep's certificate authority, as an ACME
// server that tests are tried against.
//
//	ca := stepcatest.New(t, stepcatest.Options{DNS: dns.Addr()})
//	client := &acme.Client{Directory: ca.URL(), HTTP: ca.HTTPClient(), Key: key}
//
// It is built from its source, at the version in .ci/stepca.mod, and kept in the
// user's cache folder: the first build takes minutes. A test is skipped if the source
// is not to be had.
package stepcatest
