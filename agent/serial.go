package agent

import (
	"errors"
	"strconv"
	"strings"
	"unicode"
)

// raiseSerial raises the serial number of the SOA record, which is before or behind the
// block. Secondary servers take no zone whose number is not higher.
func raiseSerial(before, after string) (string, string, error) {
	for _, part := range []*string{&before, &after} {
		if begin, end, ok := findSerial(*part); ok {
			n, err := strconv.ParseUint((*part)[begin:end], 10, 32)
			if err != nil {
				return "", "", errors.New("the serial number of the SOA record has more than 32 bits")
			}
			*part = (*part)[:begin] + strconv.FormatUint(uint64(uint32(n+1)), 10) + (*part)[end:]
			return before, after, nil
		}
	}
	return "", "", errors.New("there is no SOA record with a serial number")
}

// findSerial finds the third word behind SOA, parentheses and comments apart.
func findSerial(zone string) (begin, end int, ok bool) {
	words := -1 // behind SOA; -1: that has not come yet
	for i := 0; i < len(zone); {
		switch c := zone[i]; {
		case c == ';':
			for i < len(zone) && zone[i] != '\n' {
				i++
			}
			continue
		case c == '(' || c == ')' || unicode.IsSpace(rune(c)):
			i++
			continue
		}
		begin = i
		for i < len(zone) && !strings.ContainsRune("();", rune(zone[i])) && !unicode.IsSpace(rune(zone[i])) {
			i++
		}
		switch word := zone[begin:i]; {
		case words >= 0:
			if words++; words == 3 {
				return begin, i, digits(word)
			}
		case strings.EqualFold(word, "SOA"):
			words = 0
		}
	}
	return 0, 0, false
}
