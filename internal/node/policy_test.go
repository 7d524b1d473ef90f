package node

import (
	"context"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosentinel/sentinel/election"
	"github.com/gosentinel/sentinel/event"
	"github.com/gosentinel/sentinel/monitor"
)

// lines is a log that remembers.
type lines struct {
	mu   sync.Mutex
	text string
}

func (l *lines) Event(event.Event) {}

func (l *lines) Record(level monitor.Level, text string, _ ...slog.Attr) { l.Log(level, text) }

func (l *lines) Log(_ monitor.Level, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text += text + "\n"
}

func (l *lines) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text, text)
}

// TestHooksThatMisbehave: hooks that hang or panic hold up neither the loop nor the end,
// and cost no more than what the limits say.
func TestHooksThatMisbehave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var mu sync.Mutex
		var answers []monitor.Input
		told := 0
		log := &lines{}
		s := newPolicyShell(t.Context(), Policy{
			Allow: func(_ context.Context, a monitor.PolicyAttempt) monitor.PolicyAnswer {
				switch a.Master {
				case "panics":
					panic("no map")
				case "exits":
					runtime.Goexit()
				}
				<-release
				return monitor.PolicyAnswer{}
			},
			Choose: func(ctx context.Context, _ monitor.PolicyAttempt, _ []monitor.PolicyCandidate) monitor.ChoiceAnswer {
				<-ctx.Done()
				return monitor.ChoiceAnswer{Failed: ctx.Err().Error()}
			},
			Phase: func(monitor.PolicyPhase) {
				mu.Lock()
				told++
				n := told
				mu.Unlock()
				switch n {
				case 1:
					panic("no map")
				case 2:
					runtime.Goexit() // as a test does that fails
				}
				<-release
			},
		}, func(in monitor.Input) {
			mu.Lock()
			defer mu.Unlock()
			answers = append(answers, in)
		}, log)

		s.do(monitor.AskPolicy{Seq: 1, Attempt: monitor.PolicyAttempt{Master: "panics"}})
		s.do(monitor.AskChoice{Seq: 2})
		synctest.Wait()
		begun := time.Now()
		time.Sleep(monitor.DefaultPolicyTimeout)
		synctest.Wait()
		mu.Lock()
		if len(answers) != 2 || answers[0].(monitor.PolicyAnswer).Failed != "Allow did not return" || answers[0].(monitor.PolicyAnswer).Seq != 1 || answers[1].(monitor.ChoiceAnswer).Failed == "" {
			t.Errorf("answers after %v: %+v", time.Since(begun), answers)
		}
		mu.Unlock()

		s.do(monitor.AskPolicy{Seq: 3, Attempt: monitor.PolicyAttempt{Master: "exits"}})
		synctest.Wait()
		mu.Lock()
		if len(answers) != 3 || answers[2].(monitor.PolicyAnswer).Failed != "Allow did not return" {
			t.Errorf("the answer of a hook that ends its goroutine: %+v", answers[2:])
		}
		mu.Unlock()

		for range hooksAtOnce + 5 {
			s.do(monitor.AskPolicy{Attempt: monitor.PolicyAttempt{Master: "hangs"}})
		}
		for range phasesWaiting + 10 {
			s.do(monitor.PolicyPhase{Phase: election.WaitStart})
			synctest.Wait()
		}
		if n := log.count("have not returned"); n != 5 {
			t.Errorf("%d of 5 calls too many are logged", n)
		}
		if n := log.count("it is not told of all of them"); n != 1 {
			t.Errorf("it is logged %d times that phases are dropped", n)
		}
		if n := log.count("panicked: no map ("); n != 2 || log.count("policy_test.go:") != 2 { // the log says where
			t.Errorf("%d of 2 panics are logged", n)
		}
		begun = time.Now()
		s.close()
		if took := time.Since(begun); took != hooksPatience || log.count("left behind") != 1 {
			t.Errorf("the end has taken %v", took)
		}
		close(release)
	})
}
