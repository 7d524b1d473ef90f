package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/gosentinel/sentinel/jepsen/cluster"
)

// part is the file that a process of a fleet is started with.
type part struct {
	Layout
	Port int
}

// Main runs one process of a fleet, as the command line says, and returns its exit code.
func Main(args []string) int {
	err := func() error {
		if len(args) != 1 {
			return errors.New("want one argument: the path of a layout")
		}
		text, err := os.ReadFile(args[0])
		if err != nil {
			return err
		}
		var p part
		if err := json.Unmarshal(text, &p); err != nil {
			return err
		}
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
		defer stop()
		return Serve(ctx, p.Layout, p.Port)
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, "fleet:", err)
		return 1
	}
	return 0
}

// connsOfProcess is how many connections one process takes: some less than the
// descriptors that systems usually allow it.
const connsOfProcess = 18000

// Fleet are the processes that serve a layout.
type Fleet struct {
	Layout
	perPart int
	parts   []*cluster.Server
	ports   []int
}

// Start starts a fleet in a cluster. command starts a process of it; so many Sentinels
// will connect to each server, twice.
func Start(ctx context.Context, c *cluster.Cluster, command []string, l Layout, sentinels int) (*Fleet, error) {
	f := &Fleet{Layout: l, perPart: max(1, connsOfProcess/(2*(1+l.Replicas)*sentinels))}
	for first := 0; first < l.Masters; first += f.perPart {
		port, err := twoPorts(c)
		if err != nil {
			return nil, err
		}
		p := part{Port: port, Layout: Layout{
			Masters: min(f.perPart, l.Masters-first), Replicas: l.Replicas, First: first, Doomed: min(f.perPart, max(0, l.Doomed-first)),
		}}
		text, err := json.Marshal(p)
		if err != nil {
			return nil, err
		}
		s, err := c.StartServer(cluster.NodeSpec{Name: fmt.Sprintf("fleet-%d", first), Port: port, Conf: string(text), Command: command})
		if err == nil {
			err = s.WaitReady(ctx)
		}
		if err != nil {
			return nil, err
		}
		f.parts, f.ports = append(f.parts, s), append(f.ports, port)
	}
	return f, nil
}

// twoPorts reserves a port and the one behind it.
func twoPorts(c *cluster.Cluster) (port int, err error) {
	for range 100 {
		if port, err = c.Port(); err != nil {
			return 0, err
		}
		if err = c.ReservePort(port + 1); err == nil {
			return port, nil
		}
	}
	return 0, err
}

// Master returns the address of a master.
func (f *Fleet) Master(i int) (host string, port int) {
	port = f.ports[i/f.perPart]
	if i < f.Doomed {
		port++
	}
	return Host(i, 0), port
}

// Close ends the doomed masters, as if they were killed.
func (f *Fleet) Close(ctx context.Context) error { return f.tell(ctx, "DOOM.CLOSE") }

// Mute has the doomed masters say no more. They still take connections.
func (f *Fleet) Mute(ctx context.Context) error { return f.tell(ctx, "DOOM.MUTE") }

func (f *Fleet) tell(ctx context.Context, command string) error {
	for _, s := range f.parts {
		if _, err := s.Do(ctx, command); err != nil {
			return err
		}
	}
	return nil
}

// Counts are what the servers of a fleet were asked for.
type Counts struct{ Pings, Infos, Hellos uint64 }

// Counts returns what was asked for since the start.
func (f *Fleet) Counts(ctx context.Context) (sum Counts, err error) {
	for _, s := range f.parts {
		v, err := s.Do(ctx, "COUNTS")
		if err != nil {
			return sum, err
		}
		var c Counts
		if _, err := fmt.Sscan(fmt.Sprint(v), &c.Pings, &c.Infos, &c.Hellos); err != nil {
			return sum, err
		}
		sum = Counts{sum.Pings + c.Pings, sum.Infos + c.Infos, sum.Hellos + c.Hellos}
	}
	return sum, nil
}
