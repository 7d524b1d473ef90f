package proxy

import (
	"context"
	"io"
	"net"
	"sync"
)

// masterDialer connects to the master, by connections that are cut when it is one no more.
type masterDialer interface {
	DialMaster(ctx context.Context, network, addr string) (net.Conn, error)
}

// relay carries bytes between a client and the master until one of them ends.
func (l *listener) relay(client net.Conn) {
	defer l.left()
	defer client.Close()
	dialer, ok := l.g.source.(masterDialer)
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(l.g.ctx, l.p.config().Hold.Timeout)
	server, err := dialer.DialMaster(ctx, "", "")
	cancel()
	if err != nil {
		l.p.counts.Refused.Add(1)
		l.p.logOnce("tcp "+l.cfg.Bind, "no master for a connection", "master", l.cfg.Master, "err", err)
		return
	}
	defer server.Close()
	defer context.AfterFunc(l.g.ctx, func() { client.Close(); server.Close() })()
	var both sync.WaitGroup
	carry := func(to, from net.Conn) {
		_, err := io.Copy(to, from)
		half, ok := to.(interface{ CloseWrite() error })
		if err != nil || !ok || half.CloseWrite() != nil {
			to.Close()
			from.Close()
		}
	}
	both.Go(func() { carry(server, client) })
	both.Go(func() { carry(client, server); client.Close(); server.Close() })
	both.Wait()
}
