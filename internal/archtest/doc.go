// Package archtest holds the rules of this repository as tests: which package
// may import what, that exported names are documented, that READMEs compile,
// and so on. Go's own tools check the rest.
//
// A rule is a function from a [Repo] to the findings against it. [Load] reads a
// repository from any [io/fs.FS], so each rule is itself tested on a small one
// with a planted fault. To add a rule, write the function, such a test, and a
// line in TestRepository.
package archtest
