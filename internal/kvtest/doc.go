// Package kvtest proves that a store of keys keeps the promises of [kv.Store].
//
//	func TestStore(t *testing.T) {
//		kvtest.Test(t, kvtest.Backend{New: func(t *testing.T) kvtest.Opener {
//			dir := t.TempDir()
//			return func() (kvtest.Store, error) { return filekv.New(dir) }
//		}})
//	}
//
// Each [Case] is a function that returns what is wrong, so that the suite is itself
// tested on stores with planted faults.
package kvtest
