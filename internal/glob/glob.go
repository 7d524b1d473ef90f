package glob

// Match reports whether the whole of s matches pattern.
func Match(pattern, s string) bool { return match(pattern, s, false) }

// MatchFold is [Match] without regard to the case of ASCII letters.
func MatchFold(pattern, s string) bool { return match(pattern, s, true) }

func match(pattern, s string, fold bool) bool {
	star, from := -1, 0 // index after the last star; where its text currently ends
	p, i := 0, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			p++
			star, from = p, i
			continue
		case p < len(pattern):
			if n := element(pattern[p:], s[i], fold); n > 0 {
				p += n
				i++
				continue
			}
		}
		if star < 0 {
			return false
		}
		// Everything before the last star may stay as it matched: whatever a
		// longer text for an earlier star could reach, a longer text for the last
		// one can too.
		from++
		p, i = star, from
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// element returns the length of the first element of pattern, which is not a
// star, or 0 if c does not match it.
func element(pattern string, c byte, fold bool) int {
	switch pattern[0] {
	case '?':
		return 1
	case '[':
		n, ok := class(pattern, c, fold)
		if !ok {
			return 0
		}
		return n
	case '\\':
		if len(pattern) >= 2 {
			if same(pattern[1], c, fold) {
				return 2
			}
			return 0
		}
	}
	if same(pattern[0], c, fold) {
		return 1
	}
	return 0
}

// class matches c against the class that pattern starts with and returns the
// length of that class.
func class(pattern string, c byte, fold bool) (n int, ok bool) {
	i := 1
	not := i < len(pattern) && pattern[i] == '^'
	if not {
		i++
	}
	found := false
	for ; i < len(pattern) && pattern[i] != ']'; i++ {
		switch {
		case pattern[i] == '\\' && i+1 < len(pattern):
			i++
			found = found || pattern[i] == c // exact even when folding, as in Redis
		case i+2 < len(pattern) && pattern[i+1] == '-':
			lo, hi := lower(pattern[i], fold), lower(pattern[i+2], fold)
			if lo > hi {
				lo, hi = hi, lo
			}
			found = found || (lo <= lower(c, fold) && lower(c, fold) <= hi)
			i += 2
		default:
			found = found || same(pattern[i], c, fold)
		}
	}
	if i < len(pattern) {
		i++ // the closing bracket
	}
	return i, found != not
}

func same(a, b byte, fold bool) bool { return lower(a, fold) == lower(b, fold) }

func lower(c byte, fold bool) byte {
	if fold && 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
