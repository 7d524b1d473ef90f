package respguard

import (
	"bytes"
	"fmt"
	"math/big"
	"strings"
)

// verdict is what a stream means: its commands and, if it broke a rule, the reply
// to that.
type verdict struct {
	cmds  [][]string
	reply string // as in Violation.Reply; "-" for no violation
}

func (v verdict) String() string { return fmt.Sprintf("%q %q", v.cmds, v.reply) }

// oracle reads the whole stream at once, in the most obvious way, and returns
// what the scanner should make of it. It shares no code with the scanner.
func oracle(in string, lim Limits, auth bool) verdict {
	var v verdict
	for {
		cmd, rest, reply := oracleCommand(in, lim, auth)
		if reply != "-" || rest == in {
			v.reply = reply
			return v
		}
		if len(cmd) > 0 {
			v.cmds = append(v.cmds, cmd)
		}
		in = rest
	}
}

// oracleCommand returns rest == in if the command is not complete.
func oracleCommand(in string, lim Limits, auth bool) (cmd []string, rest, reply string) {
	const pe = "ERR Protocol error: "
	if in == "" {
		return nil, in, "-"
	}
	if in[0] != '*' {
		line, after, found := strings.Cut(in, "\n")
		if len(line) > lim.MaxInlineBytes {
			return nil, in, pe + "too big inline request"
		}
		if !found {
			return nil, in, "-"
		}
		words, ok := oracleSplit(strings.TrimSuffix(line, "\r"))
		if !ok {
			return nil, in, pe + "unbalanced quotes in request"
		}
		if len(words) > 0 && oracleHTTP(words[0]) {
			return nil, in, ""
		}
		if len(words) > lim.MaxArgs {
			return nil, in, pe + "invalid multibulk length"
		}
		size := 0
		for _, w := range words {
			size += len(fmt.Sprintf("$%d\r\n%s\r\n", len(w), w))
		}
		if size += len(fmt.Sprintf("*%d\r\n", len(words))); len(words) > 0 && size > lim.MaxCommandBytes {
			return nil, in, fmt.Sprintf(pe+"command larger than %d bytes", lim.MaxCommandBytes)
		}
		return words, after, "-"
	}
	n, s, reply := oracleNumber(in[1:], lim, "mbulk")
	if reply != "-" || s == "" && n == nil {
		return nil, in, reply
	}
	switch {
	case !n.ok || n.v.Cmp(big.NewInt(1<<31-1)) > 0:
		return nil, in, pe + "invalid multibulk length"
	case !auth && n.v.Cmp(big.NewInt(10)) > 0:
		return nil, in, pe + "unauthenticated multibulk length"
	case n.v.Cmp(big.NewInt(int64(lim.MaxArgs))) > 0:
		return nil, in, pe + "invalid multibulk length"
	case n.v.Sign() <= 0:
		return nil, s, "-"
	}
	size := len(fmt.Sprintf("*%d\r\n", n.v))
	for range n.v.Int64() {
		if s == "" {
			return nil, in, "-"
		}
		if s[0] != '$' {
			return nil, in, pe + "expected '$', got '" + strings.Trim(strings.ReplaceAll(s[:1], "\r", " "), "\n") + oracleLF(s[0]) + "'"
		}
		l, body, reply := oracleNumber(s[1:], lim, "bulk")
		if reply != "-" || l == nil {
			return nil, in, reply
		}
		switch {
		case !l.ok || l.v.Sign() < 0 || l.v.Cmp(big.NewInt(512<<20)) > 0:
			return nil, in, pe + "invalid bulk length"
		case !auth && l.v.Cmp(big.NewInt(16384)) > 0:
			return nil, in, pe + "unauthenticated bulk length"
		case l.v.Cmp(big.NewInt(int64(lim.MaxBulkBytes))) > 0:
			return nil, in, pe + "invalid bulk length"
		}
		k := int(l.v.Int64())
		if size+len(fmt.Sprintf("$%d\r\n", k))+k > lim.MaxCommandBytes {
			return nil, in, fmt.Sprintf(pe+"command larger than %d bytes", lim.MaxCommandBytes)
		}
		size += len(fmt.Sprintf("$%d\r\n", k)) + k + 2
		if len(body) < k+2 {
			return nil, in, "-"
		}
		if len(cmd) == 0 && oracleHTTP(body[:k]) {
			return nil, in, ""
		}
		cmd = append(cmd, body[:k])
		s = body[k+2:]
	}
	return cmd, s, "-"
}

func oracleLF(c byte) string {
	if c == '\n' {
		return " "
	}
	return ""
}

type oracleInt struct {
	v  *big.Int
	ok bool
}

// oracleNumber returns nil if the line is not complete.
func oracleNumber(s string, lim Limits, what string) (*oracleInt, string, string) {
	line, after, found := strings.Cut(s, "\r")
	if len(line) > lim.MaxInlineBytes {
		return nil, "", "ERR Protocol error: too big " + what + " count string"
	}
	if !found || after == "" {
		return nil, "", "-"
	}
	v, ok := new(big.Int).SetString(line, 10)
	if !ok {
		v = new(big.Int)
	}
	// Only the shortest spelling of a 64-bit number counts.
	ok = ok && v.String() == line && v.IsInt64()
	return &oracleInt{v, ok}, after[1:], "-"
}

func oracleHTTP(s string) bool {
	return strings.EqualFold(s, "post") || strings.EqualFold(s, "host:")
}

// oracleSplit is a state machine over characters.
func oracleSplit(line string) ([]string, bool) {
	const blank, word, dq, sq, dqEsc, sqEsc, closed = 0, 1, 2, 3, 4, 5, 6
	var words []string
	var cur bytes.Buffer
	state := blank
	space := func(c byte) bool { return strings.IndexByte(" \t\n\v\f\r", c) >= 0 }
	flush := func() { words = append(words, cur.String()); cur.Reset(); state = blank }
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch state {
		case closed:
			if !space(c) {
				return nil, false
			}
			flush()
		case blank, word:
			switch {
			case state == blank && space(c):
			case c == '"':
				state = dq
			case c == '\'':
				state = sq
			case strings.IndexByte(" \t\n\r", c) >= 0:
				flush()
			default:
				cur.WriteByte(c)
				state = word
			}
		case dq:
			switch c {
			case '"':
				state = closed
			case '\\':
				state = dqEsc
			default:
				cur.WriteByte(c)
			}
		case sq:
			switch c {
			case '\'':
				state = closed
			case '\\':
				state = sqEsc
			default:
				cur.WriteByte(c)
			}
		case dqEsc:
			var b byte
			if n, _ := fmt.Sscanf(strings.ToLower(line[i:min(i+3, len(line))]), "x%02x", &b); n == 1 &&
				i+2 < len(line) && oracleHex(line[i+1]) && oracleHex(line[i+2]) && c == 'x' {
				cur.WriteByte(b)
				i += 2
			} else if k := strings.IndexByte("nrtba", c); k >= 0 {
				cur.WriteByte("\n\r\t\b\a"[k])
			} else {
				cur.WriteByte(c)
			}
			state = dq
		case sqEsc:
			if c != '\'' {
				cur.WriteByte('\\')
				i-- // the byte is an ordinary one
			} else {
				cur.WriteByte(c)
			}
			state = sq
		}
	}
	switch state {
	case blank:
		return words, true
	case word, closed:
		flush()
		return words, true
	default:
		return nil, false
	}
}

func oracleHex(c byte) bool { return strings.IndexByte("0123456789abcdefABCDEF", c) >= 0 }
