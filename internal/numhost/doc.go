// Package numhost reads numeric host addresses in every form that released
// Sentinels accept, because some file or some operator's script holds one:
//
//	numhost.Parse("127.0.0.1")        // "127.0.0.1", true
//	numhost.Parse("127.1")            // "127.0.0.1", true: the last part fills the rest
//	numhost.Parse("0x7f000001")       // "127.0.0.1", true
//	numhost.Parse("::ffff:127.0.0.1") // "127.0.0.1", true
//	numhost.Parse("localhost")        // "", false: a name
//
// The result is canonical text, so that one address has one spelling from here
// on.
package numhost
