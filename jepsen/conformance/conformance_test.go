package conformance

import (
	"testing"
	"time"
)

func TestConformance(t *testing.T) {
	p := newPair(t)
	p.each(t, func(s *side) error {
		return s.start(t.Context(), topology{downAfter: [2]time.Duration{time.Hour, time.Hour}, locked: true})
	})
	t.Run("commands", func(t *testing.T) { testCommands(t, p) })
	t.Run("files", func(t *testing.T) { testFiles(t, p) })
	t.Run("events", func(t *testing.T) { testEvents(t, p) })
	t.Run("shutdown", func(t *testing.T) { testShutdown(t, p) })
	if !t.Failed() { // else it would describe what is not so
		t.Run("document", func(t *testing.T) { testDocument(t, p) })
	}
}
