module github.com/mythic-beasts/hostkit/dnssec/pkcs11key

go 1.26.0

require github.com/miekg/pkcs11 v1.1.2
