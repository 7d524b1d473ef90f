// Package numhost parses numeric host addresses in every form that released
// Sentinels accept, since configuration files and scripts contain them:
//
//	numhost.Parse("127.0.0.1")        // "127.0.0.1", true
//	numhost.Parse("127.1")            // "127.0.0.1", true: the last part fills the rest
//	numhost.Parse("0x7f000001")       // "127.0.0.1", true
//	numhost.Parse("::ffff:127.0.0.1") // "127.0.0.1", true
//	numhost.Parse("localhost")        // "", false: a name
//
// The result is canonical, so each address has only one spelling afterwards.
package numhost
