// Package testcert makes certificates for tests: authorities that exist for one
// test, and what they issue. Keys are made anew each time, so that nothing in
// the repository can be mistaken for a secret that matters.
//
//	ca := testcert.NewAuthority(t, "test")
//	files := ca.Write(t, t.TempDir(), "server") // files.CA, files.Cert, files.Key
package testcert
