package epptest_test

import (
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/dnssec/parent/epp/epptest"
)

// Example writes a registry's stored DS records.
func Example() {
	d := epptest.Domain{DS: []epptest.DS{{Tag: 1, Algorithm: 13, DigestType: 2, Digest: "00FF"}}}
	fmt.Println(d.DS[0].Tag, d.DS[0].Digest)
	// Output: 1 00FF
}

// conn speaks to a registry octet by octet.
type conn struct {
	t *testing.T
	c *tls.Conn
}

func dial(t *testing.T, r *epptest.Registry) *conn {
	t.Helper()
	c, err := tls.Dial("tcp", r.Addr(), r.TLS())
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	out := &conn{t, c}
	require.Contains(t, out.read(), "<greeting>")
	return out
}

func (c *conn) read() string {
	c.t.Helper()
	var head [4]byte
	_, err := io.ReadFull(c.c, head[:])
	require.NoError(c.t, err)
	body := make([]byte, binary.BigEndian.Uint32(head[:])-4)
	_, err = io.ReadFull(c.c, body)
	require.NoError(c.t, err)
	return string(body)
}

func (c *conn) ask(xml string) string {
	c.t.Helper()
	_, err := c.c.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(xml)+4)), xml...))
	require.NoError(c.t, err)
	return c.read()
}

const (
	open  = `<epp xmlns="urn:ietf:params:xml:ns:epp-1.0">`
	login = open + `<command><login><clID>registrar</clID><pw>password</pw><options><version>1.0</version><lang>en</lang></options>` +
		`<svcs><objURI>urn:ietf:params:xml:ns:domain-1.0</objURI><svcExtension><extURI>urn:ietf:params:xml:ns:secDNS-1.1</extURI></svcExtension></svcs></login><clTRID>ABC-1</clTRID></command></epp>`
	update = open + `<command><update><d:update xmlns:d="urn:ietf:params:xml:ns:domain-1.0"><d:name>child.test</d:name></d:update></update>` +
		`<extension><s:update xmlns:s="urn:ietf:params:xml:ns:secDNS-1.1">%s</s:update></extension><clTRID>ABC-2</clTRID></command></epp>`
	dsData = `<s:dsData><s:keyTag>1</s:keyTag><s:alg>13</s:alg><s:digestType>2</s:digestType><s:digest>00FF</s:digest></s:dsData>`
)

// What the schema does not have is a syntax error.
func TestStrict(t *testing.T) {
	r := epptest.New(t, epptest.Options{})
	r.SetDomain("child.test", epptest.Domain{})
	c := dial(t, r)
	require.Contains(t, c.ask(fmt.Sprintf(update, "<s:add>"+dsData+"</s:add>")), `code="2002"`, "before the login")
	require.Contains(t, c.ask(strings.Replace(login, "password", "other", 1)), `code="2200"`)
	require.Contains(t, c.ask(login), `code="1000"`)
	require.Contains(t, c.ask(login), `code="2002"`, "twice")
	for _, wrong := range []string{
		"", "<s:add></s:add>", "<s:add/><s:rem/>", dsData,
		"<s:add>" + dsData + "</s:add><s:rem>" + dsData + "</s:rem>", // rem is first
		"<s:add>" + strings.Replace(dsData, "<s:alg>13</s:alg>", "", 1) + "</s:add>",
		"<s:add>" + strings.Replace(dsData, "00FF", "xyz", 1) + "</s:add>",
		"<s:add>" + strings.Replace(dsData, "13", "1300", 1) + "</s:add>",
		"<s:add>" + dsData + "<s:keyData/></s:add>",
		"<s:add>text" + dsData + "</s:add>",
		"<s:rem><s:all>true</s:all>" + dsData + "</s:rem>",
		"<s:chg><s:maxSigLife>-</s:maxSigLife></s:chg>",
		"<s:add more=\"1\">" + dsData + "</s:add>",
		strings.Repeat("<s:add>", 20) + strings.Repeat("</s:add>", 20),
	} {
		require.Contains(t, c.ask(fmt.Sprintf(update, wrong)), `code="2001"`, wrong)
	}
	for _, wrong := range []string{"", "<a", "<a/><b/>", open + "</epp>", open + "<command/></epp>", open + "<poll/></epp>", `<!DOCTYPE a><a/>`, "<epp/>"} {
		require.Contains(t, c.ask(wrong+" "), `code="2001"`, wrong)
	}
	require.Contains(t, c.ask(fmt.Sprintf(update, "<s:add>"+dsData+"</s:add>")), `<clTRID>ABC-2</clTRID>`)
	d, ok := r.Domain("child.test")
	require.True(t, ok)
	require.Equal(t, []epptest.DS{{Tag: 1, Algorithm: 13, DigestType: 2, Digest: "00FF"}}, d.DS)
	require.Contains(t, c.ask(fmt.Sprintf(update, "<s:add>"+dsData+"</s:add>")), `code="2302"`)
	require.Contains(t, c.ask(fmt.Sprintf(update, strings.ReplaceAll("<s:rem>"+dsData+"</s:rem>", "00FF", "00EE"))), `code="2303"`)
	require.Contains(t, c.ask(open+"<hello/></epp>"), "<greeting>")
	require.Contains(t, c.ask(open+"<command><logout/></command></epp>"), `code="1500"`)
}

// FuzzCommand: whatever is sent as a command, the registry answers and does not
// panic.
func FuzzCommand(f *testing.F) {
	f.Add(login)
	f.Add(fmt.Sprintf(update, "<s:add>"+dsData+"</s:add>"))
	f.Add(open + "<command/></epp>")
	f.Fuzz(func(_ *testing.T, text string) { _ = epptest.ParseCommand([]byte(text)) })
}
