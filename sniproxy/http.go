package sniproxy

import "net"

// http serves one connection of HTTP/1.
func (p *portable) http(c net.Conn) {}
