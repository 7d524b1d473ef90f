package sentinel

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/gosentinel/sentinel/configrewrite"
)

// listenOn opens the one listener of an embedded Sentinel; "" opens none.
func listenOn(addr string) ([]net.Listener, error) {
	if addr == "" {
		return nil, nil
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("sentinel: %w", err)
	}
	return []net.Listener{ln}, nil
}

// bindAll opens a listener for every address of the bind directive. An address
// with a leading "-" may be unavailable.
func bindAll(set configrewrite.Settings) ([]net.Listener, error) {
	if set.Port == 0 {
		return nil, fmt.Errorf("Configured to not listen anywhere, exiting.")
	}
	var listeners []net.Listener
	for _, bind := range set.Bind {
		host, optional := strings.CutPrefix(bind, "-")
		ln, err := bindOne(host, set.Port)
		if err != nil && !optional {
			closeAll(listeners)
			return nil, fmt.Errorf("Could not create server TCP listening socket %s:%d: bind: %w. Failed listening on port %d (TCP), aborting.",
				bind, set.Port, err, set.Port)
		}
		if err == nil {
			listeners = append(listeners, ln)
		}
	}
	if len(listeners) == 0 {
		return nil, fmt.Errorf("Failed listening on port %d (TCP): none of the addresses %q is available, aborting.", set.Port, set.Bind)
	}
	return listeners, nil
}

func bindOne(host string, port int) (net.Listener, error) {
	network := "tcp"
	switch host {
	case "*":
		network, host = "tcp4", "0.0.0.0"
	case "::*":
		network, host = "tcp6", "::"
	}
	var lc net.ListenConfig
	return lc.Listen(context.Background(), network, net.JoinHostPort(host, strconv.Itoa(port)))
}

func portOf(listeners []net.Listener) int {
	for _, ln := range listeners {
		if a, ok := ln.Addr().(*net.TCPAddr); ok {
			return a.Port
		}
	}
	return 0
}

func closeAll(listeners []net.Listener) {
	for _, ln := range listeners {
		ln.Close()
	}
}

// refuse rejects settings that this version cannot honour and that must not be
// ignored: an operator who asks for encryption or access rules would otherwise
// run without them and not know.
func refuse(set configrewrite.Settings) error {
	switch {
	case set.TLS.Port != 0 || set.TLS.Replication:
		return fmt.Errorf("tls-port and tls-replication are not supported by this version: remove them, or put a TLS tunnel in front")
	case len(set.Users) > 0 || set.ACLFile != "":
		return fmt.Errorf("ACL users (user, aclfile) are not supported by this version: use requirepass")
	case set.UnixSocket != "":
		return fmt.Errorf("unixsocket is not supported by this version: use port and bind")
	case set.Daemonize:
		return fmt.Errorf("daemonize is not supported by this version: start the daemon from a supervisor, or in the background with setsid")
	}
	return nil
}
