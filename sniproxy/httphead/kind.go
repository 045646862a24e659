package httphead

// kind is what a proxy must do about a field.
type kind uint8

const (
	other kind = iota
	// Framing and routing, always written anew.
	host
	contentLength
	transferEncoding
	connection
	upgrade
	expect
	trailer
	via
	// About the client; see [Forward.Trusted].
	forwarded
	forwardedFor
	forwardedHost
	forwardedProto
	forwardedElse // any other X-Forwarded…
	realIP
	// never is for fields between neighbours only, and for those that mean
	// something else to the backend than to whoever sent them.
	never
)

// kindOf knows a field by its name. A name that would be one of ours if another
// mark in it were "-" is never forwarded: programs behind the backend may not see
// the difference.
func kindOf(name []byte) kind {
	k := knownAs(name)
	if k == other && len(name) > len("x-forwarded") {
		k = match(name[:len("x-forwarded")], "x-forwarded", forwardedElse)
	}
	if k != other && disguised(name) {
		return never
	}
	return k
}

// disguised reports whether the name has another mark than "-".
func disguised(name []byte) bool {
	for _, c := range name {
		if folds[c] == '-' && c != '-' {
			return true
		}
	}
	return false
}

// knownAs looks only at what has the right length.
func knownAs(name []byte) kind {
	switch len(name) {
	case 2:
		return match(name, "te", never)
	case 3:
		return match(name, "via", via)
	case 4:
		return match(name, "host", host)
	case 5: // becomes the variable HTTP_PROXY, by which programs find a proxy
		return match(name, "proxy", never)
	case 6:
		return match(name, "expect", expect)
	case 7:
		return match(name, "upgrade", upgrade) | match(name, "trailer", trailer)
	case 9:
		return match(name, "forwarded", forwarded) | match(name, "x-real-ip", realIP)
	case 10:
		return match(name, "connection", connection) | match(name, "keep-alive", never)
	case 11:
		return match(name, "x-forwarded", forwardedElse)
	case 14:
		return match(name, "content-length", contentLength) | match(name, "http2-settings", never)
	case 15:
		return match(name, "x-forwarded-for", forwardedFor)
	case 16:
		return match(name, "x-forwarded-host", forwardedHost) | match(name, "proxy-connection", never)
	case 17:
		return match(name, "x-forwarded-proto", forwardedProto) | match(name, "transfer-encoding", transferEncoding)
	case 18:
		return match(name, "proxy-authenticate", never)
	case 19:
		return match(name, "proxy-authorization", never)
	}
	return other
}

// match returns k if the name is want, and other if not.
func match(name []byte, want string, k kind) kind {
	for i := range len(want) {
		if folds[name[i]] != want[i] {
			return other
		}
	}
	return k
}
