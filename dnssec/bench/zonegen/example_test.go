package zonegen_test

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/mythic-beasts/hostkit/dnssec/bench/zonegen"
)

func Example() {
	var b bytes.Buffer
	if err := zonegen.Write(&b, zonegen.Options{Profile: zonegen.TLD, Names: 2}); err != nil {
		panic(err)
	}
	fmt.Print(strings.ReplaceAll(b.String(), "\t", " "))
	// Output:
	// $ORIGIN tld.test.
	// @ 3600 IN SOA ns1 hostmaster 2026010100 7200 3600 432000 300
	// @ 3600 IN NS ns1
	// @ 3600 IN NS ns2
	// @ 3600 IN MX 10 mail
	// @ 3600 IN TXT "v=spf1 mx -all"
	// @ 3600 IN A 198.18.120.50
	// @ 3600 IN AAAA 2001:db8:e5:a891::5f
	// ns1 3600 IN A 198.19.211.95
	// ns1 3600 IN AAAA 2001:db8:dc:b67e::d6
	// ns2 3600 IN A 198.18.19.20
	// ns2 3600 IN AAAA 2001:db8:15:bd80::3c
	// mail 3600 IN A 198.18.192.250
	// mail 3600 IN AAAA 2001:db8:44:ccf6::4e
	// 0u70cz60ck0 86400 IN NS ns1.jsloqpb9d3g9f.example.
	// 0u70cz60ck0 86400 IN NS ns2.jsloqpb9d3g9f.example.
	// zua0x1 86400 IN NS ns1.zua0x1
	// ns1.zua0x1 86400 IN A 198.19.38.180
	// zua0x1 86400 IN NS ns2.zua0x1
	// ns2.zua0x1 86400 IN A 198.18.221.233
	// ns1.zua0x1 86400 IN AAAA 2001:db8:8b:4943::100
}
