// Package glob matches the patterns of Redis, which PSUBSCRIBE, SENTINEL RESET,
// SENTINEL CONFIG GET and ACL rules use.
//
//	?         any one byte
//	*         any bytes, including none
//	[abc]     one of these bytes; [a-z] is a range, [^abc] any other byte
//	\x        the byte x itself, also inside [...]
//
// No pattern is invalid: an unclosed class ends with the pattern, and a backslash
// at the end stands for itself, as in Redis.
//
// Redis matches by recursion, which takes exponential time for patterns such as
// "a*a*a*a*a*b". Clients choose the pattern, so here a failed match goes back to
// the last star only, which bounds the time by len(pattern) times len(s).
package glob
