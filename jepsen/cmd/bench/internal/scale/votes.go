package scale

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cluster"
	"github.com/gosentinel/sentinel/jepsen/cmd/bench/internal/fleet"
)

// voteRows are what waits for the disk.
var voteRows = []Row{
	voteRow("votes250", 250, absolute("200 votes", "ms", 20, 50)),
	voteRow("votes1000", 1000, absolute("200 votes", "ms", 50, 100)),
	saveRow("save1000", 1000, absolute("a save", "ms", 2, 5)),
	saveRow("save10000", 10000, absolute("a save", "ms", 8, 15)),
}

func voteRow(name string, masters int, figures ...Figure) Row {
	return Row{
		Name: name, Text: fmt.Sprintf("200 requests for a vote in one write, %d masters", masters), Figures: figures, Timeout: 3 * time.Minute,
		Run: func(ctx context.Context, s *stage) ([]float64, error) {
			if err := s.enter(ctx, setting{Layout: fleet.Layout{Masters: s.size(masters, 200)}}); err != nil {
				return nil, err
			}
			took, err := askVotes(ctx, s.sentinels[0], s.fleet, 200)
			return []float64{milliseconds(took)}, err
		},
	}
}

// askVotes asks for votes for as many masters at once, and returns when the last has come.
func askVotes(ctx context.Context, n *cluster.Sentinel, f *fleet.Fleet, votes int) (time.Duration, error) {
	var d net.Dialer
	nc, err := d.DialContext(ctx, "tcp", n.Addr())
	if err != nil {
		return 0, err
	}
	defer nc.Close()
	if at, ok := ctx.Deadline(); ok {
		if err := nc.SetDeadline(at); err != nil {
			return 0, err
		}
	}
	me := strings.Repeat("ab", 20)
	var b strings.Builder
	for i := range votes {
		host, port := f.Master(i)
		fmt.Fprintf(&b, "SENTINEL is-master-down-by-addr %s %d 100 %s\r\n", host, port, me)
	}
	begun := time.Now()
	if _, err := nc.Write([]byte(b.String())); err != nil {
		return 0, err
	}
	in := bufio.NewReader(nc)
	for i := range votes {
		reply := ""
		for range 5 { // *3 :down $40 id :epoch
			line, err := in.ReadString('\n')
			if err != nil {
				return 0, err
			}
			reply += strings.TrimSpace(line) + " "
		}
		if !strings.Contains(reply, me) {
			return 0, fmt.Errorf("%w: vote %d of %d: %s", errNoVote, i+1, votes, reply)
		}
	}
	return time.Since(begun), nil
}

var errNoVote = errors.New("a vote was not given")

func saveRow(name string, wanted int, figures ...Figure) Row {
	masters := fitting(wanted)
	return Row{
		Name: name, Text: fmt.Sprintf("FLUSHCONFIG with %d masters", masters), Figures: figures, Timeout: 3 * time.Minute,
		Run: func(ctx context.Context, s *stage) ([]float64, error) {
			if err := s.enter(ctx, setting{Layout: fleet.Layout{Masters: s.size(masters, 500)}}); err != nil {
				return nil, err
			}
			least := time.Hour
			for range 10 { // the quickest: the others wait for the processor or for a save before it
				begun := time.Now()
				if _, err := s.sentinels[0].Do(ctx, "SENTINEL", "FLUSHCONFIG"); err != nil {
					return nil, err
				}
				least = min(least, time.Since(begun))
			}
			return []float64{milliseconds(least)}, nil
		},
	}
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
