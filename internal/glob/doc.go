// Package glob matches the patterns of Redis: PSUBSCRIBE, SENTINEL RESET,
// SENTINEL CONFIG GET and CLIENT commands take them.
//
//	?         any one byte
//	*         any bytes, also none
//	[abc]     one of these bytes; [a-z] is a range, [^abc] any other byte
//	\x        the byte x itself, also inside [...]
//
// There is no bad pattern: an unclosed class ends with the pattern, and a
// backslash at the end stands for itself, as in Redis.
//
// Redis matches by recursion, which takes exponential time for patterns such as
// "a*a*a*a*a*b". Here a failed match goes back to the last star only, so that
// the time is at most len(pattern) times len(s): a stranger chooses the pattern.
package glob
