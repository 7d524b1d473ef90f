package pubsub

import (
	"github.com/gosentinel/sentinel/event"
	"github.com/gosentinel/sentinel/monitor"
)

// message is an event that is being distributed. Each form of it is made once,
// when the first subscriber needs it, and shared by all: the queues of a
// thousand subscribers hold one message, not a thousand copies.
type message struct {
	channel string
	payload []byte
	frames  frames
}

func newMessage(ev monitor.Event) *message {
	m := &message{channel: ev.Name(), payload: ev.AppendText(nil)}
	if len(m.payload) > event.MaxText {
		m.payload = m.payload[:event.MaxText]
	}
	m.frames.make = func(resp3 bool) []byte { return AppendMessage(nil, resp3, m.channel, m.payload) }
	return m
}

// size is what the event counts for in the queue of a library user: its text,
// and about as much again for the value.
func (m *message) size() int { return 2*(len(m.channel)+len(m.payload)) + perFrameBytes }

func (m *message) frame(resp3 bool) []byte { return m.frames.get(resp3) }

// patternFrames returns the frames for the subscribers of a pattern that
// matches.
func (m *message) patternFrames(pattern string) *frames {
	return &frames{make: func(resp3 bool) []byte {
		return AppendPatternMessage(nil, resp3, pattern, m.channel, m.payload)
	}}
}

// frames holds a message in both protocols. A form is never changed once made.
type frames struct {
	made [2][]byte
	make func(resp3 bool) []byte
}

func (f *frames) get(resp3 bool) []byte {
	i := 0
	if resp3 {
		i = 1
	}
	if f.made[i] == nil {
		f.made[i] = f.make(resp3)
	}
	return f.made[i]
}
