package clienthello_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/sniproxy/clienthello"
)

// fields are those of a ClientHello, as they are on the wire.
type fields struct {
	version, session, suites, compression, extensions []byte
}

// wholesome returns fields that are right.
func wholesome() fields {
	return fields{
		version: []byte{3, 3}, session: []byte{0}, suites: []byte{0, 2, 0x13, 1}, compression: []byte{1, 0},
		extensions: []byte("\x00\x0d\x00\x00\x00\x09\x00\x07\x00\x00\x04a.b1"),
	}
}

func (f fields) message() []byte {
	body := append(bytes.Clone(f.version), make([]byte, 32)...)
	for _, part := range [][]byte{f.session, f.suites, f.compression, f.extensions} {
		body = append(body, part...)
	}
	return append([]byte{1, 0, byte(len(body) >> 8), byte(len(body))}, body...)
}

// extension are the extensions of a hello with that one alone.
func extension(kind uint16, data string) []byte {
	n := len(data)
	list := append([]byte{byte(kind >> 8), byte(kind), byte(n >> 8), byte(n)}, data...)
	return append([]byte{byte(len(list) >> 8), byte(len(list))}, list...)
}

func reasonOf(t *testing.T, message []byte) clienthello.Reason {
	t.Helper()
	var p clienthello.Parser
	var info clienthello.Info
	status, err := p.Parse(records(message, 0), &info)
	require.NotEqual(t, clienthello.NeedMore, status)
	if err == nil {
		return 0
	}
	var e *clienthello.Error
	require.ErrorAs(t, err, &e)
	require.NotZero(t, e.Alert)
	return e.Reason
}

func TestFields(t *testing.T) {
	require.Zero(t, reasonOf(t, wholesome().message()))
	for name, tc := range map[string]struct {
		change func(*fields)
		want   clienthello.Reason
	}{
		"SSL 2":                     {func(f *fields) { f.version = []byte{2, 0} }, clienthello.Version},
		"SSL 3":                     {func(f *fields) { f.version = []byte{3, 0} }, 0},
		"a version to come":         {func(f *fields) { f.version = []byte{3, 9} }, 0},
		"session ID of 32":          {func(f *fields) { f.session = append([]byte{32}, make([]byte, 32)...) }, 0},
		"session ID of 33":          {func(f *fields) { f.session = append([]byte{33}, make([]byte, 33)...) }, clienthello.Truncated},
		"no suites":                 {func(f *fields) { f.suites = []byte{0, 0} }, clienthello.Truncated},
		"half a suite":              {func(f *fields) { f.suites = []byte{0, 3, 0x13, 1, 0x13} }, clienthello.Truncated},
		"suites overrun":            {func(f *fields) { f.suites = []byte{0xff, 2, 0x13, 1} }, clienthello.Truncated},
		"no compression":            {func(f *fields) { f.compression = []byte{0} }, clienthello.Truncated},
		"deflate only":              {func(f *fields) { f.compression = []byte{1, 1} }, clienthello.Compression},
		"deflate and null":          {func(f *fields) { f.compression = []byte{2, 1, 0} }, 0},
		"no extensions":             {func(f *fields) { f.extensions = nil }, 0},
		"extensions overrun":        {func(f *fields) { f.extensions[1]++ }, clienthello.Truncated},
		"bytes behind extensions":   {func(f *fields) { f.extensions = append(f.extensions, 0) }, clienthello.Truncated},
		"half an extension header":  {func(f *fields) { f.extensions = []byte{0, 3, 0, 0, 0} }, clienthello.Truncated},
		"extension overruns":        {func(f *fields) { f.extensions[5] = 99 }, clienthello.Truncated},
		"nothing behind the random": {func(f *fields) { *f = fields{version: f.version} }, clienthello.Truncated},
	} {
		t.Run(name, func(t *testing.T) {
			f := wholesome()
			tc.change(&f)
			require.Equal(t, tc.want, reasonOf(t, f.message()))
			requireAgreement(t, records(f.message(), 0))
		})
	}
}

// TestExtensions has a right and some wrong forms of each extension that is looked
// at.
func TestExtensions(t *testing.T) {
	const psk = "\x00\x07\x00\x01a\x00\x00\x00\x00\x00\x04\x03bbb"
	for _, tc := range []struct {
		name  string
		kind  uint16
		right string
		wrong []string
	}{
		{"server_name", 0, "\x00\x06\x00\x00\x03a.b", []string{"", "\x00\x00", "\x00\x03\x00\x00\x00", "\x00\x02\x00\x00", "\x00\x03\x07\x00\x00"}},
		{"status_request", 5, "\x01\x00\x00\x00\x00", []string{"", "\x01", "\x01\x00\x00", "\x01\x00\x00\x00\x00\x00", "\x01\x00\x01"}},
		{"supported_groups", 10, "\x00\x02\x00\x1d", []string{"", "\x00\x00", "\x00\x03\x00\x1d\x00", "\x00\x02\x00\x1d\x00"}},
		{"ec_point_formats", 11, "\x01\x00", []string{"", "\x00", "\x01", "\x01\x00\x00"}},
		{"signature_algorithms", 13, "\x00\x02\x04\x03", []string{"", "\x00\x00", "\x00\x01\x04"}},
		{"ALPN", 16, "\x00\x03\x02h2", []string{"", "\x00\x00", "\x00\x01\x00", "\x00\x03\x03h2", "\x00\x03\x02h2\x00", "\x00\x04\x02h2\x00"}},
		{"signed_certificate_timestamp", 18, "", []string{"\x00"}},
		{"extended_master_secret", 23, "", []string{"\x00"}},
		{"session_ticket", 35, "anything", nil},
		{"pre_shared_key", 41, psk, []string{"", "\x00\x00\x00\x00", psk + "\x00", psk[:9], "\x00\x06\x00\x00\x00\x00\x00\x00\x00\x04\x03bbb", "\x00\x07\x00\x01a\x00\x00\x00\x00\x00\x00", "\x00\x07\x00\x01a\x00\x00\x00\x00\x00\x01\x00", "\x00\x05\x00\x01a\x00\x00\x00\x04\x03bbb"}},
		{"early_data", 42, "", []string{"\x00"}},
		{"supported_versions", 43, "\x04\x1a\x1a\x03\x04", []string{"", "\x00", "\x03\x03\x04\x03", "\x02\x03\x04\x00"}},
		{"cookie", 44, "\x00\x01c", []string{"", "\x00\x00", "\x00\x01cc"}},
		{"psk_key_exchange_modes", 45, "\x01\x01", []string{"", "\x02\x01", "\x01\x01\x01"}},
		{"signature_algorithms_cert", 50, "\x00\x02\x04\x03", []string{"\x00\x00"}},
		{"key_share", 51, "\x00\x05\x00\x1d\x00\x01k", []string{"", "\x00\x04\x00\x1d\x00\x00", "\x00\x01\x00", "\x00\x05\x00\x1d\x00\x02k", "\x00\x00\x00"}},
		{"key_share without a key", 51, "\x00\x00", nil},
		{"quic_transport_parameters", 57, "anything", nil},
		{"padding", 21, "\x00\x00", nil},
		{"GREASE", 0x1a1a, "anything", nil},
		{"renegotiation_info", 0xff01, "\x00", []string{"", "\x01", "\x00\x00"}},
		{"encrypted_client_hello, outer", 0xfe0d, "\x00\x00\x01\x00\x01\x4d\x00\x01e\x00\x01p", []string{"", "\x02", "\x00", "\x00\x00\x01\x00\x01\x4d\x00\x01e", "\x00\x00\x01\x00\x01\x4d\x00\x09e\x00\x01p", "\x00\x00\x01\x00\x01\x4d\x00\x01e\x00\x00", "\x01\x00"}},
		{"encrypted_client_hello, inner", 0xfe0d, "\x01", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := wholesome()
			f.extensions = extension(tc.kind, tc.right)
			require.Zero(t, reasonOf(t, f.message()))
			requireAgreement(t, records(f.message(), 0))
			for _, wrong := range tc.wrong {
				f.extensions = extension(tc.kind, wrong)
				require.Contains(t, []clienthello.Reason{clienthello.Truncated, clienthello.NameEmpty}, reasonOf(t, f.message()), "%q", wrong)
				requireAgreement(t, records(f.message(), 0))
			}
		})
	}
}

func TestPreSharedKeyIsLast(t *testing.T) {
	f := wholesome()
	psk := extension(41, "\x00\x07\x00\x01a\x00\x00\x00\x00\x00\x04\x03bbb")[2:]
	list := append(bytes.Clone(psk), f.extensions[2:]...)
	f.extensions = append([]byte{0, byte(len(list))}, list...)
	require.Equal(t, clienthello.PSKNotLast, reasonOf(t, f.message()))
}

// TestDuplicateExtensions: any type twice, assigned or not.
func TestDuplicateExtensions(t *testing.T) {
	for _, kind := range []uint16{21, 63, 64, 127, 128, 0x1a1a, 0xfd00} {
		f := wholesome()
		one := extension(kind, "")[2:]
		list := append(append(bytes.Clone(one), f.extensions[2:]...), one...)
		f.extensions = append([]byte{0, byte(len(list))}, list...)
		require.Equal(t, clienthello.DuplicateExtension, reasonOf(t, f.message()), kind)
	}
}
