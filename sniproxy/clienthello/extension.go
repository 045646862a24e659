package clienthello

// Extension types of the IANA registry.
const (
	extServerName          = 0
	extStatusRequest       = 5
	extSupportedGroups     = 10
	extPointFormats        = 11
	extSignatureAlgorithms = 13
	extALPN                = 16
	extSCT                 = 18
	extExtendedMaster      = 23
	extPreSharedKey        = 41
	extEarlyData           = 42
	extSupportedVersions   = 43
	extCookie              = 44
	extPSKModes            = 45
	extSignatureCert       = 50
	extKeyShare            = 51
	extQUICParameters      = 57
	extECH                 = 0xfe0d
	extRenegotiation       = 0xff01
)

const maxProtocols = 128

// extension takes the ones that matter to a proxy and checks the form of those
// whose form a server checks: a hello that it refuses has no name here either.
func (i *Info) extension(kind uint16, data []byte, last bool) Reason {
	ok := true
	switch kind {
	case extServerName:
		return i.serverName(data)
	case extALPN:
		return i.protocols(data)
	case extSupportedVersions:
		list, whole := all8(data)
		ok = whole && pairs(list)
		if ok {
			i.versions(list)
		}
	case extECH:
		i.ECH = true
		ok = encryptedHello(data)
	case extEarlyData:
		i.EarlyData = true
		ok = len(data) == 0
	case extQUICParameters:
		i.QUIC = true
	case extPreSharedKey:
		if !last {
			return PSKNotLast
		}
		ok = preSharedKey(data)
	case extKeyShare:
		ok = keyShare(data)
	case extStatusRequest:
		ok = statusRequest(data)
	case extSupportedGroups, extSignatureAlgorithms, extSignatureCert:
		list, whole := all16(data)
		ok = whole && pairs(list)
	case extPointFormats:
		list, whole := all8(data)
		ok = whole && len(list) > 0
	case extPSKModes, extRenegotiation:
		_, ok = all8(data)
	case extCookie:
		cookie, whole := all16(data)
		ok = whole && len(cookie) > 0
	case extSCT, extExtendedMaster:
		ok = len(data) == 0
	}
	if !ok {
		return Truncated
	}
	return 0
}

// serverName takes the ServerNameList of RFC 6066 section 3. Names of unknown
// types are skipped; two of type host_name are refused.
func (i *Info) serverName(data []byte) Reason {
	list, ok := all16(data)
	if !ok || len(list) == 0 {
		return Truncated
	}
	for len(list) > 0 {
		kind := list[0]
		name, rest, ok := vector16(list[1:])
		switch {
		case !ok:
			return Truncated
		case len(name) == 0:
			return NameEmpty
		case kind == 0 && i.ServerName != nil:
			return DuplicateName
		case kind == 0:
			n, r := canonical(&i.name, name)
			if r != 0 {
				return r
			}
			i.ServerName = i.name[:n:n]
		}
		list = rest
	}
	return 0
}

// protocols takes the ProtocolNameList of RFC 7301 section 3.1.
func (i *Info) protocols(data []byte) Reason {
	list, ok := all16(data)
	if !ok || len(list) == 0 {
		return Truncated
	}
	rest := list
	for n := 0; len(rest) > 0; n++ {
		var name []byte
		name, rest, ok = vector8(rest)
		if !ok || len(name) == 0 {
			return Truncated
		}
		if n == maxProtocols {
			return TooManyProtocols
		}
	}
	i.alpn = list
	return 0
}

// pairs says whether b is a list of two-byte values, at least one.
func pairs(b []byte) bool { return len(b) > 0 && len(b)%2 == 0 }

// keyShare checks a list of KeyShareEntry (RFC 8446 section 4.2.8), which may be
// empty.
func keyShare(data []byte) bool {
	list, ok := all16(data)
	for ok && len(list) > 0 {
		if len(list) < 2 {
			return false
		}
		var key []byte
		key, list, ok = vector16(list[2:])
		ok = ok && len(key) > 0
	}
	return ok
}

// statusRequest checks a CertificateStatusRequest (RFC 6066 section 8).
func statusRequest(data []byte) bool {
	if len(data) < 1 {
		return false
	}
	_, rest, ok := vector16(data[1:])
	if !ok {
		return false
	}
	_, ok = all16(rest)
	return ok
}

// preSharedKey checks OfferedPsks (RFC 8446 section 4.2.11).
func preSharedKey(data []byte) bool {
	identities, rest, ok := vector16(data)
	if !ok || len(identities) == 0 {
		return false
	}
	for len(identities) > 0 {
		identity, age, ok := vector16(identities)
		if !ok || len(identity) == 0 || len(age) < 4 {
			return false
		}
		identities = age[4:]
	}
	binders, ok := all16(rest)
	if !ok || len(binders) == 0 {
		return false
	}
	for len(binders) > 0 {
		binder, next, ok := vector8(binders)
		if !ok || len(binder) == 0 {
			return false
		}
		binders = next
	}
	return true
}

// encryptedHello checks an ECHClientHello (RFC 9849 section 5): the inner type
// alone, or the outer one with suite, configuration, enc and payload.
func encryptedHello(data []byte) bool {
	if len(data) == 1 {
		return data[0] == 1
	}
	if len(data) < 6 || data[0] != 0 {
		return false
	}
	_, rest, ok := vector16(data[6:])
	if !ok {
		return false
	}
	payload, ok := all16(rest)
	return ok && len(payload) > 0
}
