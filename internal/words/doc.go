// Package words splits a line into words and joins words into a line, by Redis's
// quoting rules (wire.md §8.3, File syntax). They are the same in configuration
// files, in inline commands, and inside the selectors of access control rules.
//
//	list, ok := words.Split(`sentinel auth-pass m "a b"`) // "sentinel", "auth-pass", "m", "a b"
//	line := words.Join(list...)                           // the same line again
//
// A word may be quoted in whole or in part. Inside "..." a backslash starts an
// escape: \n \r \t \b \a, \xHH for any byte, and any other byte for itself.
// Inside '...' the only escape is \'. A closing quote ends the word and must be
// followed by a blank or the end of the line.
//
// Nearest finds the word that somebody meant who has misspelt it, Count writes a number
// with its noun, and Listed looks for a word in a list with commas.
package words
