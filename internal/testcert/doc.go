// Package testcert makes certificates for tests: authorities that exist for one
// test, and certificates issued by them. Keys are generated each time, so nothing
// in the repository can be mistaken for a real secret.
//
//	ca := testcert.NewAuthority(t, "test")
//	files := ca.Write(t, t.TempDir(), "server") // files.CA, files.Cert, files.Key
package testcert
