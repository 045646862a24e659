package sniproxytest

import (
	"slices"

	"github.com/mythic-beasts/hostkit/sniproxy/clienthello"
)

// hostile are flights that no client sends: each tries to have a proxy see
// another name than the server, or to cost it memory.
func hostile() []Case {
	whole := Hello(Site, HelloOptions{})
	two := Hello(Site, HelloOptions{Records: []int{200}})
	between := slices.Insert(slices.Clone(two), 205, 21, 3, 1, 0, 2, 1, 0) // a warning alert between the records
	empty := slices.Insert(slices.Clone(two), 205, 22, 3, 1, 0, 0)
	behind := Hello(Site, HelloOptions{})
	behind = append(behind, 0)
	behind[4]++
	older := slices.Clone(two)
	older[205+1] = 2
	other := slices.Clone(whole)
	other[5] = 2
	return []Case{
		refused("alert between the records", clienthello.RecordType, between),
		refused("empty record between the records", clienthello.RecordEmpty, empty),
		refused("record of 16385 bytes", clienthello.RecordTooLong, []byte{22, 3, 1, 0x40, 1, 1}),
		refused("record of SSL 2", clienthello.RecordVersion, older),
		refused("ServerHello", clienthello.NotClientHello, other),
		refused("16 MiB hello", clienthello.TooLarge, []byte{22, 3, 1, 2, 0, 1, 0xff, 0xff, 0xff}),
		refused("data behind the hello in its record", clienthello.TrailingData, behind),
		refused("name list overruns its extension", clienthello.Truncated, withExtension(0, []byte{0, 99, 0, 0, 1, 'a'})),
		refused("name overruns its list", clienthello.Truncated, withExtension(0, []byte{0, 4, 0, 0, 9, 'a'})),
		refused("bytes behind the name list", clienthello.Truncated, withExtension(0, []byte{0, 4, 0, 0, 1, 'a', 0})),
		refused("empty ALPN list", clienthello.Truncated, withExtension(16, []byte{0, 0})),
		refused("empty ALPN protocol", clienthello.Truncated, withExtension(16, []byte{0, 1, 0})),
		refused("thousands of ALPN protocols", clienthello.TooManyProtocols, withExtension(16, manyProtocols())),
		refused("hundreds of extensions", clienthello.TooManyExtensions, Hello(Site, HelloOptions{Extra: manyExtensions()})),
		unknownType(),
	}
}

// withExtension is a hello without a name or protocols but with that extension.
func withExtension(kind uint16, data []byte) []byte {
	return Hello("", HelloOptions{ALPN: []string{}, Extra: []Extension{{kind, data}}})
}

func manyProtocols() []byte {
	list := make([]byte, 0, 8000)
	for len(list) < 8000 {
		list = append(list, 1, 'x')
	}
	return append16(nil, list)
}

func manyExtensions() []Extension {
	all := make([]Extension, 300)
	for i := range all {
		all[i].Type = 0x4000 + uint16(i)
	}
	return all
}

// unknownType has a name of type 7 before the host name: RFC 6066 lets servers
// skip types they do not know.
func unknownType() Case {
	list := append16([]byte{7}, "evil.example")
	list = append16(append(list, 0), Site)
	return routed("name of an unknown type first", withExtension(0, append16(nil, list)))
}
