package rpi

// BootText is the text that makes a Pi take an OFFER for a network boot server.
// The mask ROM of the 3B compares all twenty bytes, the three trailing spaces
// among them; later firmware accepts it too.
const BootText = "Raspberry Pi Boot   "

// PXE vendor options inside DHCP option 43 (PXE 2.1, table 2-1).
const (
	pxeDiscoveryControl = 6
	pxeBootMenu         = 9
	pxeMenuPrompt       = 10
	pxeEnd              = 255
)

// VendorOptions returns the DHCP option 43 that every Pi accepts: discovery
// control (do not multicast or broadcast), a menu prompt, and a boot menu whose
// one entry is text. An empty text means [BootText]; an EEPROM configured with
// PXE_OPTION43 wants its own.
func VendorOptions(text string) []byte {
	if text == "" {
		text = BootText
	}
	if len(text) > 200 {
		text = text[:200]
	}
	b := []byte{pxeDiscoveryControl, 1, 3}
	b = append(b, pxeMenuPrompt, 4, 0, 'P', 'X', 'E')
	b = append(b, pxeBootMenu, byte(3+len(text)), 0, 0, byte(len(text)))
	b = append(b, text...)
	return append(b, pxeEnd)
}

// BootMenuText returns the text of the first boot menu entry in a DHCP option
// 43, and "" when there is none.
func BootMenuText(opt []byte) string {
	for len(opt) >= 2 && opt[0] != pxeEnd {
		if opt[0] == 0 { // pad
			opt = opt[1:]
			continue
		}
		n := int(opt[1])
		if len(opt) < 2+n {
			return ""
		}
		body := opt[2 : 2+n]
		if opt[0] == pxeBootMenu && n >= 3 && int(body[2]) <= n-3 {
			return string(body[3 : 3+int(body[2])])
		}
		opt = opt[2+n:]
	}
	return ""
}
