// Package zonegen writes zones to measure with: always the same one for the same
// options.
//
//	err := zonegen.Write(w, zonegen.Options{Profile: zonegen.Hosting, Names: 100_000})
//
// [Hosting] is the zone of a web host: of its names 60 % have A and AAAA, 15 % CNAME,
// 10 % mail with MX and TXT, 5 % AAAA alone, 5 % a service or challenge some labels
// down, which makes empty non-terminals, 2 % a wildcard, and 3 % are delegations.
// [TLD] is nothing but delegations of two or three name servers, 8 % of them with
// glue. A tenth of all delegations is secure, by one DS record.
package zonegen
