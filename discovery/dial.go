package discovery

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"
)

// DialMaster returns a connection to the master: to a server that has said on this
// very connection that it is one. It waits while there is none, until the context
// ends. network and addr are ignored; they are there so that it can stand where a
// dial function is asked for:
//
//	redis.NewClient(&redis.Options{Dialer: r.DialMaster, DialTimeout: time.Minute})  // go-redis
//	redis.NewConn / redis.DialContext with redis.DialContextFunc(r.DialMaster)       // redigo
//	conn, err := r.DialMaster(ctx, "", "")                                           // net
//
// The connection has TLS and is logged in as ServerAccess says; a client may log in
// as another user.
//
// When the server is no master any more, the connection is cut: reads, writes and deadlines
// fail with an error that is ErrDemoted and io.EOF, which clients take as the end of
// a connection and answer by dialling again. A client that is blocked in a
// command, such as BLPOP, gets that in place of the server's -UNBLOCKED.
func (r *Resolver) DialMaster(ctx context.Context, network, addr string) (net.Conn, error) {
	return r.dial(ctx, func(ctx context.Context) (net.Conn, error) {
		v, reign, err := r.wait(ctx)
		if err != nil {
			return nil, err
		}
		return r.dialServer(ctx, reign, v.Master, true)
	})
}

// DialReplica returns a connection to one of the Replicas, each in turn: to a
// server that has said on it that it is a replica and connected to a master, or,
// while there is no master, that it is a replica. If none can be connected to, it
// is DialMaster. The connection is not cut when the replica is promoted.
func (r *Resolver) DialReplica(ctx context.Context, network, addr string) (net.Conn, error) {
	return r.dial(ctx, func(ctx context.Context) (net.Conn, error) {
		list, err := r.Replicas(ctx)
		if err != nil {
			return nil, err
		}
		r.mu.Lock()
		turn := r.turn
		r.turn++
		r.mu.Unlock()
		for i := range list {
			conn, err := r.dialServer(ctx, ctx, list[(turn+i)%len(list)], false)
			if err == nil || ctx.Err() != nil {
				return conn, err
			}
		}
		v, reign, err := r.wait(ctx)
		if err != nil {
			return nil, err
		}
		return r.dialServer(ctx, reign, v.Master, true)
	})
}

// dial tries until it works or the context ends. Its error is one of dialling, so
// that clients know that nothing has been sent.
func (r *Resolver) dial(ctx context.Context, try func(context.Context) (net.Conn, error)) (net.Conn, error) {
	again := backoff{first: 20 * time.Millisecond, most: time.Second}
	var last error
	for {
		conn, err := try(ctx)
		if err == nil {
			return conn, nil
		}
		if errors.Is(err, errCutShort) && last != nil {
			err = fmt.Errorf("discovery: %w: %w", last, context.Cause(ctx))
		}
		last = err
		if errors.Is(err, ErrEnded) || ctx.Err() != nil {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: err}
		}
		r.askAll()
		if !sleep(ctx, again.pause(time.Now())) {
			err = fmt.Errorf("discovery: %w: %w", err, context.Cause(ctx))
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: err}
		}
	}
}

// errCutShort is in the error of a try that the context of the caller has ended. What
// went wrong before says more.
var errCutShort = errors.New("it was being connected to")

// dialServer connects to a server that must have a role. It gives up when the
// reign ends, rather than wait for a machine that is gone.
func (r *Resolver) dialServer(caller, reign context.Context, to Addr, asMaster bool) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(caller, r.opt.Timeout)
	defer cancel()
	defer context.AfterFunc(reign, cancel)()
	fail := func(err error) (net.Conn, error) {
		if caller.Err() != nil {
			return nil, fmt.Errorf("discovery: %s: %w: %w", to, errCutShort, context.Cause(caller))
		}
		return nil, fmt.Errorf("%s: %w", to, err)
	}
	conn, rd, err := r.connect(ctx, to.String(), r.opt.ServerAccess)
	if err != nil {
		return fail(err)
	}
	replies, err := exchange(ctx, conn, rd, command{"ROLE"})
	if err == nil {
		err = r.admit(replies[0], asMaster)
	}
	if err == nil && rd.unread() {
		err = errUnasked
	}
	if err == nil {
		if g := r.guard(conn, to, asMaster); g != nil {
			return g.conn(), nil
		}
		err = errors.New("it is not the master any more")
	}
	conn.Close()
	return fail(err)
}

// admit reads the answer to ROLE on a connection that somebody wants.
func (r *Resolver) admit(answer reply, asMaster bool) error {
	got, err := parseRole(answer)
	if err != nil {
		return err
	}
	r.mu.Lock()
	failover := r.view.Master.IsZero()
	r.mu.Unlock()
	switch {
	case asMaster && got.name == "master":
	case !asMaster && got.name == "slave" && (got.synced || failover):
	case !asMaster && got.name == "slave":
		return errors.New("it is a replica without a connection to its master")
	default:
		return fmt.Errorf("it says that it is a %s", got.name)
	}
	return nil
}
