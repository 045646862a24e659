package clienthello

// Alerts of RFC 8446 section 6 and RFC 6066 section 9 with which a proxy
// refuses a connection.
const (
	AlertUnexpectedMessage uint8 = 10
	AlertRecordOverflow    uint8 = 22
	AlertIllegalParameter  uint8 = 47
	AlertAccessDenied      uint8 = 49
	AlertDecodeError       uint8 = 50
	AlertProtocolVersion   uint8 = 70
	AlertInternalError     uint8 = 80
	AlertMissingExtension  uint8 = 109
	AlertUnrecognizedName  uint8 = 112
)

// Alert is a record with a fatal alert of that description, in the clear, as a
// server sends it that answers a ClientHello with nothing else.
func Alert(desc uint8) [7]byte {
	return [7]byte{21, 3, 1, 0, 2, 2, desc}
}

// Reason is why a hello or a name was refused.
type Reason uint8

// The reasons, with the alert that each is answered by.
const (
	NotTLS             Reason = iota + 1 // another protocol; no alert
	PlainHTTP                            // an HTTP/1 request in the clear; no alert, a 400 is understood
	SSLv2                                // an SSLv2-compatible hello, which cannot carry a name: protocol_version
	RecordType                           // a record of another type than handshake: unexpected_message
	RecordVersion                        // a record's major version is not 3: protocol_version
	RecordEmpty                          // a handshake record without content: unexpected_message
	RecordTooLong                        // a record of more than 2^14 bytes: record_overflow
	NotClientHello                       // another handshake message: unexpected_message
	TrailingData                         // a record goes on behind the hello: unexpected_message
	TooLarge                             // more than Limits allows: illegal_parameter
	TooManyRecords                       // in more pieces than Limits allows: illegal_parameter
	Version                              // older than SSL 3.0: protocol_version
	Truncated                            // a field or list overruns what holds it, or leaves bytes over: decode_error
	Compression                          // no null compression method: illegal_parameter
	DuplicateExtension                   // an extension twice: illegal_parameter
	TooManyExtensions                    // more than 96 of unassigned types: illegal_parameter
	PSKNotLast                           // pre_shared_key before another extension: illegal_parameter
	TooManyProtocols                     // more than 128 ALPN names: illegal_parameter
	DuplicateName                        // two host names: illegal_parameter
	NameEmpty                            // no bytes, or only a dot: decode_error
	NameTooLong                          // more than 253 bytes: illegal_parameter
	LabelEmpty                           // two dots in a row, or one in front: illegal_parameter
	LabelTooLong                         // more than 63 bytes between dots: illegal_parameter
	NameNUL                              // a zero byte: illegal_parameter
	NameCharacter                        // a byte other than a-z, 0-9, hyphen, underscore and dot: illegal_parameter
	IPLiteral                            // an address instead of a name: unrecognized_name
)

var reasons = [...]struct {
	text  string
	alert uint8
}{
	NotTLS:             {"not TLS", 0},
	PlainHTTP:          {"plain HTTP instead of TLS", 0},
	SSLv2:              {"an SSLv2-compatible hello", AlertProtocolVersion},
	RecordType:         {"a record that is not of the handshake", AlertUnexpectedMessage},
	RecordVersion:      {"a record of an unknown version", AlertProtocolVersion},
	RecordEmpty:        {"an empty handshake record", AlertUnexpectedMessage},
	RecordTooLong:      {"a record of more than 16384 bytes", AlertRecordOverflow},
	NotClientHello:     {"another handshake message than ClientHello", AlertUnexpectedMessage},
	TrailingData:       {"handshake data behind the ClientHello", AlertUnexpectedMessage},
	TooLarge:           {"larger than allowed", AlertIllegalParameter},
	TooManyRecords:     {"in more records than allowed", AlertIllegalParameter},
	Version:            {"a version before SSL 3.0", AlertProtocolVersion},
	Truncated:          {"a length that does not fit", AlertDecodeError},
	Compression:        {"no null compression", AlertIllegalParameter},
	DuplicateExtension: {"an extension twice", AlertIllegalParameter},
	TooManyExtensions:  {"too many extensions", AlertIllegalParameter},
	PSKNotLast:         {"pre_shared_key is not the last extension", AlertIllegalParameter},
	TooManyProtocols:   {"too many ALPN protocols", AlertIllegalParameter},
	DuplicateName:      {"more than one server name", AlertIllegalParameter},
	NameEmpty:          {"an empty name", AlertDecodeError},
	NameTooLong:        {"a name of more than 253 bytes", AlertIllegalParameter},
	LabelEmpty:         {"an empty label in the name", AlertIllegalParameter},
	LabelTooLong:       {"a label of more than 63 bytes in the name", AlertIllegalParameter},
	NameNUL:            {"a NUL in the name", AlertIllegalParameter},
	NameCharacter:      {"a byte in the name that no host name has", AlertIllegalParameter},
	IPLiteral:          {"an IP address instead of a name", AlertUnrecognizedName},
}

// String is the reason in words.
func (r Reason) String() string {
	if r == 0 || int(r) >= len(reasons) {
		return "unknown reason"
	}
	return reasons[r].text
}

// Error is the error of [Parser.Parse] and [CanonicalName]. It never holds bytes
// of the client's.
type Error struct {
	Reason Reason
	// Alert is the description to answer with by [Alert]; 0 when the peer does
	// not speak TLS and gets none.
	Alert uint8
}

// Error implements error.
func (e *Error) Error() string { return "clienthello: " + e.Reason.String() }

func (r Reason) err() *Error { return &Error{Reason: r, Alert: reasons[r].alert} }
