package pubsub

import "strconv"

// Kind tells subscriptions to a channel and to a pattern apart.
type Kind uint8

// The two kinds of subscription. A channel is the name of an event, for example
// "+switch-master"; a pattern selects channels as in package glob.
const (
	Channel Kind = iota
	Pattern
)

// String returns "channel" or "pattern".
func (k Kind) String() string {
	if k == Pattern {
		return "pattern"
	}
	return "channel"
}

// AppendMessage appends the frame of a message to a subscriber of the channel
// itself: an array in RESP2, a push in RESP3 (wire.md §1.4, RESP2 / RESP3 mapping,
// and wire.md §2.6, Subscriptions).
func AppendMessage(dst []byte, resp3 bool, channel string, payload []byte) []byte {
	dst = appendFrameHeader(dst, resp3, 3)
	dst = appendBulk(dst, "message")
	dst = appendBulk(dst, channel)
	return appendBulk(dst, payload)
}

// AppendPatternMessage is [AppendMessage] for a subscriber of pattern.
func AppendPatternMessage(dst []byte, resp3 bool, pattern, channel string, payload []byte) []byte {
	dst = appendFrameHeader(dst, resp3, 4)
	dst = appendBulk(dst, "pmessage")
	dst = appendBulk(dst, pattern)
	dst = appendBulk(dst, channel)
	return appendBulk(dst, payload)
}

// AppendSubscribed appends the confirmation of a subscription to name; count is
// the number of subscriptions that the client has now.
func AppendSubscribed(dst []byte, resp3 bool, k Kind, name string, count int) []byte {
	dst = appendFrameHeader(dst, resp3, 3)
	dst = appendBulk(dst, verb(k, "subscribe"))
	dst = appendBulk(dst, name)
	return appendInt(dst, count)
}

// AppendUnsubscribed is [AppendSubscribed] for the end of a subscription.
func AppendUnsubscribed(dst []byte, resp3 bool, k Kind, name string, count int) []byte {
	dst = appendFrameHeader(dst, resp3, 3)
	dst = appendBulk(dst, verb(k, "unsubscribe"))
	dst = appendBulk(dst, name)
	return appendInt(dst, count)
}

// AppendNothingToUnsubscribe appends the answer to a client that ends all
// subscriptions of a kind and has none.
func AppendNothingToUnsubscribe(dst []byte, resp3 bool, k Kind, count int) []byte {
	dst = appendFrameHeader(dst, resp3, 3)
	dst = appendBulk(dst, verb(k, "unsubscribe"))
	if resp3 {
		dst = append(dst, "_\r\n"...)
	} else {
		dst = append(dst, "$-1\r\n"...)
	}
	return appendInt(dst, count)
}

func verb(k Kind, word string) string {
	if k == Pattern {
		return "p" + word
	}
	return word
}

func appendFrameHeader(dst []byte, resp3 bool, n int) []byte {
	mark := byte('*')
	if resp3 {
		mark = '>'
	}
	return append(strconv.AppendInt(append(dst, mark), int64(n), 10), '\r', '\n')
}

func appendBulk[T string | []byte](dst []byte, s T) []byte {
	dst = strconv.AppendInt(append(dst, '$'), int64(len(s)), 10)
	dst = append(append(dst, '\r', '\n'), s...)
	return append(dst, '\r', '\n')
}

func appendInt(dst []byte, n int) []byte {
	return append(strconv.AppendInt(append(dst, ':'), int64(n), 10), '\r', '\n')
}
