// Package txtrr has the texts of TXT records, which are cut into strings of 255 bytes
// on the wire and escaped in [dns.TXT]:
//
//	rr.Txt = txtrr.Strings(value)
//	fmt.Println(txtrr.Value(rr) == value) // true
package txtrr
