package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// haproxyTimeout bounds one exchange with HAProxy.
	haproxyTimeout = 5 * time.Second
	// maxHAProxyReply bounds what it may say: some thousands of servers.
	maxHAProxyReply = 16 << 20
)

// haproxySocket keeps a running HAProxy in line.
type haproxySocket struct {
	*HAProxy
	log *slog.Logger
}

// change is what has to be done to one server of HAProxy.
type change struct {
	slot
	commands []string
}

func (h *haproxySocket) plan(ctx context.Context, s Snapshot) (*plan, error) {
	slots, err := h.state(ctx)
	if err != nil {
		return nil, failed(causeRead, err)
	}
	wanted, err := h.assign(slots, s)
	if err != nil {
		return nil, failed(causeRender, err)
	}
	var changes []change
	var diff strings.Builder
	for _, one := range wanted {
		c, err := h.compare(ctx, one)
		if err != nil {
			return nil, failed(causeRender, err)
		}
		if len(c.commands) > 0 {
			changes = append(changes, c)
			fmt.Fprintf(&diff, "- server %s/%s %s\n+ %s\n", one.backend, one.name, one.state(), strings.Join(c.commands, "; "))
		}
	}
	if len(changes) == 0 {
		return nil, nil
	}
	return &plan{diff.String(), func(ctx context.Context) error { return failed(causeWrite, h.apply(ctx, changes, s)) }}, nil
}

func (s slot) state() string {
	if s.off {
		return s.at + " (maintenance)"
	}
	return s.at
}

// compare makes the commands that bring a server in line. All of one server are sent in
// one line, which HAProxy carries out at once, whatever becomes of this process: so
// no session to the former master is left by one that was killed half way. Sessions are
// shut before, so that a line that was cut there is made anew, and after, because some
// may have begun in between.
func (h *haproxySocket) compare(ctx context.Context, one slot) (change, error) {
	c := change{slot: one}
	id := one.backend + "/" + one.name
	if one.wantOff {
		if !one.off {
			c.commands = []string{"set server " + id + " state maint", "shutdown sessions server " + id}
		}
		return c, nil
	}
	ip, err := numeric(ctx, one.want.Host)
	if err != nil {
		return c, err
	}
	if !sameAddr(one.at, Server{ip, one.want.Port}) {
		shut := "shutdown sessions server " + id
		c.commands = []string{shut, fmt.Sprintf("set server %s addr %s port %d", id, ip, one.want.Port), shut}
	}
	if one.owned && one.off {
		c.commands = append(c.commands, "set server "+id+" state ready")
	}
	return c, nil
}

// numeric resolves a name, since HAProxy's socket takes none.
func numeric(ctx context.Context, host string) (string, error) {
	if net.ParseIP(host) != nil {
		return host, nil
	}
	ctx, cancel := context.WithTimeout(ctx, haproxyTimeout)
	defer cancel()
	addrs, err := net.DefaultResolver.LookupHost(ctx, host)
	if err != nil {
		return "", err
	}
	slices.Sort(addrs)
	return addrs[0], nil
}

// apply carries the changes out, and looks whether they are there.
func (h *haproxySocket) apply(ctx context.Context, changes []change, s Snapshot) error {
	var errs []error
	for _, c := range changes {
		reply, err := h.ask(ctx, strings.Join(c.commands, "; "))
		if err != nil {
			return err
		}
		h.log.Info("HAProxy: "+strings.Join(c.commands, "; "), "target", h.Name, "before", c.state(), "reply", strings.Join(strings.Fields(reply), " "))
		if denied := "Permission denied"; strings.Contains(reply, denied) {
			errs = append(errs, errors.New(denied+": the line \"stats socket\" needs \"level admin\""))
		}
	}
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	p, err := h.plan(ctx, s)
	if err == nil && p != nil {
		err = fmt.Errorf("HAProxy has not done it: %s", strings.Join(strings.Fields(p.diff), " "))
	}
	return err
}

// state asks for all servers.
func (h *haproxySocket) state(ctx context.Context) ([]slot, error) {
	reply, err := h.ask(ctx, "show servers state")
	if err != nil {
		return nil, err
	}
	return parseServersState(reply)
}

// maintenance are the bits of srv_admin_state with which a server gets no sessions.
const maintenance = 0x01 | 0x02 | 0x04 | 0x20

// parseServersState reads the reply to "show servers state": a version, a line that
// names the columns, and a line for each server.
func parseServersState(text string) (slots []slot, err error) {
	var columns []string
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		switch {
		case len(fields) == 0:
		case fields[0] == "#":
			columns = fields[1:]
		case columns == nil:
			if fields[0] != "1" || len(fields) > 1 {
				return nil, fmt.Errorf("this is no list of servers: %.100q", line)
			}
		case len(fields) < len(columns):
			return nil, fmt.Errorf("a line of the list of servers is too short: %.100q", line)
		default:
			value := func(column string) string {
				if i := slices.Index(columns, column); i >= 0 {
					return fields[i]
				}
				return ""
			}
			admin, err := strconv.Atoi(value("srv_admin_state"))
			if err != nil {
				return nil, fmt.Errorf("a line of the list of servers is odd: %.100q", line)
			}
			slots = append(slots, slot{
				backend: value("be_name"), name: value("srv_name"),
				at: net.JoinHostPort(value("srv_addr"), value("srv_port")), off: admin&maintenance != 0,
			})
		}
	}
	if columns == nil {
		return nil, fmt.Errorf("this is no list of servers: %.100q", text)
	}
	return slots, nil
}

// ask sends a line and returns what HAProxy says until it closes the connection.
func (h *haproxySocket) ask(ctx context.Context, line string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, haproxyTimeout)
	defer cancel()
	network := "unix"
	if _, _, err := net.SplitHostPort(h.Socket); err == nil && !strings.Contains(h.Socket, "/") {
		network = "tcp"
	}
	c, err := (&net.Dialer{}).DialContext(ctx, network, h.Socket)
	if err != nil {
		return "", err
	}
	defer c.Close()
	deadline, _ := ctx.Deadline()
	_ = c.SetDeadline(deadline) // a connection that cannot do this fails below
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	defer stop()
	if _, err := io.WriteString(c, line+"\n"); err != nil {
		return "", err
	}
	reply, err := io.ReadAll(io.LimitReader(c, maxHAProxyReply+1))
	switch {
	case err != nil && (ctx.Err() == context.DeadlineExceeded || errors.Is(err, os.ErrDeadlineExceeded)):
		return "", fmt.Errorf("%s has not answered within %v", h.Socket, haproxyTimeout)
	case err != nil:
		return "", err
	case len(reply) > maxHAProxyReply:
		return "", fmt.Errorf("%s says more than %d MiB", h.Socket, maxHAProxyReply>>20)
	}
	return string(reply), nil
}
