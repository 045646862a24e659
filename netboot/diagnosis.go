package netboot

import "fmt"

// Diagnosis is what is likely wrong with a boot, for a person to act on.
type Diagnosis struct {
	Code   string // short and stable, such as "rom-receive-bug"; "" when nothing is known
	Text   string // one sentence: what is seen
	Remedy string // one sentence: what to do
}

// String returns the text and the remedy.
func (d Diagnosis) String() string {
	if d.Code == "" {
		return ""
	}
	return d.Text + " " + d.Remedy
}

// Evidence is what was seen of one boot that did not get on, by a server
// ([Tracker]) or in a capture of the wire. Fields that the witness cannot know
// stay zero.
type Evidence struct {
	Firmware  Firmware
	PoweredOn bool // power was switched on; without it silence is no evidence
	Discovers int  // since the boot last made progress
	Offers    int  // to those
	Nudges    int  // wake-up frames to those
	Requests  int  // files asked for in the whole boot, probes and missing ones included
	KernelOK  bool // the kernel was delivered

	MissingFile string // the last file that was asked for and not there
	StuckFile   string // the file whose transfer stands still or broke off; "" when none does
	StuckBytes  int64  // how far it came
	Slowest     int    // milliseconds before the server sent a lost packet again, 0 unknown

	// What only a capture shows.
	MenuText     string // text of the first boot menu entry in the OFFER's option 43
	ServerName   bool   // the OFFER has option 66 as an IPv4 address
	OfferSeen    bool   // MenuText and ServerName were really read off an OFFER
	OtherServers int    // further DHCP servers that sent an OFFER
	NextServer   bool   // siaddr names another host than the one that sent the OFFER
	MuteARP      int    // ARP requests for the client left unanswered while it was loading
	BPDUs        int    // spanning tree frames from the switch port
	Fragments    int    // IP fragments sent to the client
	PadOption    bool   // the OFFER has a pad option before its end
}

// Diagnose says what most likely keeps the boot that e describes from getting
// on. The diagnosis without a code means that e shows nothing wrong.
func Diagnose(e Evidence) Diagnosis {
	for _, rule := range diagnoses {
		if rule.match(e) {
			return rule.tell(e)
		}
	}
	return Diagnosis{}
}

type rule struct {
	match func(Evidence) bool
	tell  func(Evidence) Diagnosis
}

func fixed(code, text, remedy string) func(Evidence) Diagnosis {
	return func(Evidence) Diagnosis { return Diagnosis{code, text, remedy} }
}

// awaitsFirstFile reports whether the client was made an offer and asked for
// nothing since.
func (e Evidence) awaitsFirstFile() bool {
	return e.Discovers > 0 && e.Offers > 0 && e.StuckFile == ""
}

// diagnoses are tried in order: what a capture proves comes before what the
// pattern of a server's own events suggests.
var diagnoses = []rule{
	{func(e Evidence) bool { return e.BPDUs > 0 && e.Offers == 0 && e.Requests == 0 },
		fixed("stp", "The switch port sends spanning tree frames and nothing of the boot came through it.",
			"Make the port an edge port (portfast): a port that listens and learns for 30 s outlasts all five DISCOVERs.")},
	{func(e Evidence) bool { return e.PoweredOn && e.Discovers == 0 && e.Requests == 0 },
		fixed("no-discover", "The machine has power and sent no DISCOVER.",
			"Make the switch port an edge port (STP without edge port swallows the first 30 s), check link and VLAN, and on a Pi 3B that network boot is enabled in its OTP.")},
	{func(e Evidence) bool { return e.Discovers > 0 && e.Offers == 0 },
		fixed("no-offer", "Its DISCOVERs got no OFFER.",
			"Add the machine to the inventory, or find what stands between it and the server.")},
	{func(e Evidence) bool { return e.awaitsFirstFile() && e.OfferSeen && lacksBootText(e) }, tellBootText},
	{func(e Evidence) bool { return e.awaitsFirstFile() && e.Firmware == FirmwarePiEEPROM && e.PadOption },
		fixed("pad-option", "The OFFER has a pad option inside, which a Pi 4 EEPROM older than 2020-01-17 cannot read past.",
			"Send replies without padding between options, or update the EEPROM.")},
	{func(e Evidence) bool { return e.awaitsFirstFile() && e.OtherServers > 0 },
		fixed("other-server", "More than one DHCP server answers on this network.",
			"Keep the other server off the machine's VLAN, or run this one as proxyDHCP beside it.")},
	{func(e Evidence) bool { return e.awaitsFirstFile() && e.NextServer && e.Firmware.SkipsRequest() },
		fixed("siaddr-ignored", "The OFFER names another TFTP server in siaddr, which this firmware ignores: it asks the host that sent the OFFER.",
			"Serve files from the DHCP server's address, or name the other one in option 66 as a dotted quad.")},
	{func(e Evidence) bool { return e.awaitsFirstFile() && e.Firmware == FirmwarePiROM && e.Nudges == 0 },
		fixed("rom-receive-bug", "The mask ROM was made a good offer and did not take it up: ROM receive bug, it looks at a packet only when another arrives a second later.",
			"Send it wake-up frames after each DISCOVER, which are switched off or do not reach it.")},
	{func(e Evidence) bool { return e.awaitsFirstFile() },
		fixed("offer-not-taken", "It was made an offer and asked for no file.",
			"Check that the offer reaches it (VLAN, relay, cable) and that its boot order tries the network.")},
	{func(e Evidence) bool { return e.StuckFile != "" && e.MuteARP > 0 }, tellARPMute},
	{func(e Evidence) bool { return e.StuckFile != "" && e.Fragments > 0 },
		fixed("fragments", "Blocks are sent in IP fragments, which boot ROMs do not put together again.",
			"Keep blksize below the interface's MTU less 32 bytes.")},
	{func(e Evidence) bool { return e.StuckFile != "" && e.Slowest >= 1000 && e.Firmware.SkipsRequest() }, tellSlowRetransmit},
	{func(e Evidence) bool { return e.StuckFile != "" && e.Firmware.SkipsRequest() }, tellARPMute},
	{func(e Evidence) bool { return e.StuckFile != "" }, tellStuck},
	{func(e Evidence) bool { return e.KernelOK },
		fixed("no-os", "It has its kernel and was not heard of again.",
			"Read its console: the kernel's command line, its root file system and its network driver come next.")},
	{func(e Evidence) bool { return e.MissingFile != "" && e.Requests > 0 }, tellMissing},
	{func(e Evidence) bool { return e.Requests > 0 },
		fixed("no-kernel", "It read files and then asked for none, without a kernel among them.",
			"Check that its files belong to its model and that config.txt names a kernel that is there.")},
}

func lacksBootText(e Evidence) bool {
	const exact, short = "Raspberry Pi Boot   ", "Raspberry Pi Boot"
	switch {
	case e.ServerName || !e.Firmware.IsPi():
		return false
	case e.Firmware == FirmwarePiROM:
		return e.MenuText != exact
	}
	return len(e.MenuText) < len(short) || e.MenuText[:len(short)] != short
}

func tellBootText(e Evidence) Diagnosis {
	if e.MenuText == "" {
		return Diagnosis{"no-boot-option", "The OFFER has neither a boot menu in option 43 nor an address in option 66.",
			`Send option 43 with the text "Raspberry Pi Boot" and three spaces after it.`}
	}
	return Diagnosis{"no-three-spaces", fmt.Sprintf("The boot menu text in the OFFER is %q.", e.MenuText),
		`It must be "Raspberry Pi Boot" and, for a 3B, three spaces after it.`}
}

func tellARPMute(e Evidence) Diagnosis {
	return Diagnosis{"arp-mute",
		fmt.Sprintf("The transfer of %q stands still after %d bytes: this firmware answers no ARP while it loads.", e.StuckFile, e.StuckBytes),
		"Keep its neighbour entry alive (pinning at OFFER and confirmation on data), which is switched off or failed."}
}

func tellSlowRetransmit(e Evidence) Diagnosis {
	return Diagnosis{"slow-retransmit",
		fmt.Sprintf("A packet of %q was lost and sent again after %d ms; this firmware gives a file up after one second.", e.StuckFile, e.Slowest),
		"Use a TFTP server whose retransmit timer is well below a second, and look for what loses packets."}
}

func tellStuck(e Evidence) Diagnosis {
	return Diagnosis{"transfer-stuck", fmt.Sprintf("The transfer of %q stands still after %d bytes.", e.StuckFile, e.StuckBytes),
		"Check link, VLAN and path MTU, and whether the machine lost power."}
}

func tellMissing(e Evidence) Diagnosis {
	return Diagnosis{"missing-file", fmt.Sprintf("It asked for no more after %q, which is not among its files.", e.MissingFile),
		"Check that the files for its model are in its boot folder."}
}
