package link

import (
	"context"
	"net"
	"net/netip"
	"strconv"
	"time"
)

// headStart is how long an address is waited for before the next one of the same
// name is tried beside it (RFC 8305, Connection Attempt Delay).
const headStart = 250 * time.Millisecond

// dialFunc opens a connection.
type dialFunc func(ctx context.Context, network, addr string) (net.Conn, error)

// dialed is the outcome for one address.
type dialed struct {
	host string
	nc   net.Conn
	err  error
}

// dialAny connects to the first of hosts that answers: the next one is tried when
// the one before fails, or stays silent for a moment. The error joins those of all
// hosts. When it returns, nothing it started is left.
func dialAny(ctx context.Context, dial dialFunc, hosts []string, port int) (nc net.Conn, host string, err error) {
	if len(hosts) == 1 {
		nc, err = dial(ctx, "tcp", net.JoinHostPort(hosts[0], strconv.Itoa(port)))
		return nc, hosts[0], err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	results := make(chan dialed)
	next, running := 0, 0
	start := func() {
		host := hosts[next]
		next++
		running++
		go func() {
			nc, err := dial(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(port)))
			results <- dialed{host, nc, err}
		}()
	}
	start()
	patience := time.NewTimer(headStart)
	defer patience.Stop()
	for running > 0 {
		select {
		case r := <-results:
			running--
			switch {
			case r.err != nil:
				err = joined(err, r.err)
			case nc != nil:
				r.nc.Close() // another was faster
				continue
			default:
				nc, host = r.nc, r.host
				cancel()
			}
		case <-patience.C:
		}
		if nc == nil && next < len(hosts) {
			start()
			patience.Reset(headStart)
		}
	}
	if nc != nil {
		return nc, host, nil
	}
	return nil, "", err
}

// joined returns both errors as one line.
func joined(first, next error) error {
	if first == nil {
		return next
	}
	return joinedErrors{first, next}
}

// joinedErrors is like the result of [errors.Join], on one line.
type joinedErrors [2]error

func (e joinedErrors) Error() string   { return e[0].Error() + "; " + e[1].Error() }
func (e joinedErrors) Unwrap() []error { return e[:] }

func dialFrom(source string) (dialFunc, error) {
	var d net.Dialer
	if source == "" {
		return d.DialContext, nil
	}
	ip, err := netip.ParseAddr(source)
	if err != nil {
		return nil, badSource(source)
	}
	d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(ip, 0))
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		if err := checkSource(ip, addr); err != nil {
			return nil, err
		}
		return d.DialContext(ctx, network, addr)
	}, nil
}
