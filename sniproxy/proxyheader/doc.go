// Package proxyheader writes and reads the header of the PROXY protocol,
// versions 1 and 2, by which a proxy tells a server who its client is.
package proxyheader
