package snmpx_test

import (
	"fmt"

	"github.com/mythic-beasts/hostkit/internal/snmpx"
)

func ExampleOID() {
	port := snmpx.MustOID("1.3.6.1.2.1.105.1.1.1").Append(3, 1, 7)
	fmt.Println(port, port.HasPrefix(snmpx.MustOID(".1.3.6.1.2.1.105")))
	// Output: 1.3.6.1.2.1.105.1.1.1.3.1.7 true
}
