package dnsask

// FromFile is System of another file.
var FromFile = fromFile
