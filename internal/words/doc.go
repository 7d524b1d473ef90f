// Package words cuts a line into words and puts words together into a line, by
// the quoting rules that stock Redis has everywhere (wire.md §8.3): in
// configuration files, in inline commands, and inside the selectors of access
// control rules.
//
//	list, ok := words.Split(`sentinel auth-pass m "a b"`) // "sentinel", "auth-pass", "m", "a b"
//	line := words.Join(list...)                           // the same line again
//
// A word may be quoted in whole or in part. Inside "..." a backslash begins an
// escape: \n \r \t \b \a, \xHH for any byte, and any other byte for itself.
// Inside '...' there is only \'. A closing quote ends the word, and a blank must
// follow it.
package words
