package words

import "strings"

// maxMisspelt is the longest word that is compared.
const maxMisspelt = 64

// Nearest returns the candidate that a misspelt word most likely means, or "". Letters
// count the same in both cases.
func Nearest(word string, candidates []string) string {
	word = strings.ToLower(word)
	if len(word) > maxMisspelt {
		return ""
	}
	best, bestDist := "", 1+max(2, len(word)/3)
	if len(word) < 4 {
		bestDist = 2
	}
	for _, c := range candidates {
		if d := Distance(word, strings.ToLower(c)); d < bestDist {
			best, bestDist = c, d
		}
	}
	if best == "" {
		return completion(word, candidates)
	}
	return best
}

// completion returns the one candidate that begins like a word which lost its
// end, or "".
func completion(word string, candidates []string) (found string) {
	for _, c := range candidates {
		switch {
		case len(word) < 3 || !strings.HasPrefix(strings.ToLower(c), word):
		case found != "":
			return ""
		default:
			found = c
		}
	}
	return found
}

// Distance is the Levenshtein distance of two words. A long word is far from all.
func Distance(a, b string) int {
	if len(a) > maxMisspelt {
		return len(a)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diag := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			next := min(row[j]+1, row[j+1]+1, diag+cost)
			diag, row[j+1] = row[j+1], next
		}
	}
	return row[len(b)]
}
