// Package capture reads a recording of a boot that went wrong and says why.
//
//	f, err := os.Open("port17.pcap")
//	boots, err := capture.Read(f)
//	for _, b := range boots {
//		fmt.Println(b.MAC, b.Client.Firmware, b.Diagnosis)
//	}
//
// A [Boot] is all that one client did: a timeline for people, and the
// [netboot.Evidence] that its diagnosis follows from. Record where the boot
// server is connected, or at a mirror of the machine's switch port, with a
// filter no narrower than "arp or stp or port 67 or port 68 or udp".
//
// Both pcap and pcapng are read, with or without 802.1Q tags. The package
// opens no interface and sends nothing.
package capture
