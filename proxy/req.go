package proxy

import "time"

// req is a request between its arrival and its reply. It stands in the list of its
// client, in order of arrival, and in the queue of a route, in order of sending. Its
// bytes are in the buffer of the route.
type req struct {
	c    *client // nil: the client has gone, or it is one of the proxy's own
	cmd  *command
	kind kind
	next *req // in the list of its client
	via  *route
	size int // of its bytes in the route

	counted int // its bytes, as its client counts them
	arg     int // of SELECT and EXEC: the database; of HELLO: the protocol before
	repeats int // how often it was sent again

	internal bool // of the proxy's own: nobody waits for the reply
	listed   bool // in the list of its client
	queued   bool // in the queue of a route

	safe    bool // executed twice it does no harm
	mute    bool // the client wants no reply
	writes  bool // it may change data
	inTx    bool // queued by MULTI: it does nothing by itself
	done    bool // it has its reply
	gated   bool // its reply is kept back until replicas have it
	ack     bool // so it will be
	started bool // a part of its reply has left for the client
	spoiled bool // an EXEC whose WATCH is lost: it is answered as aborted
	first   byte // of the reply

	from *route // of a reply that is kept back: where it came from,
	wire wire   // by which connection,
	lone bool   // and that WAIT was another server's

	since  time.Duration // when it arrived, as worker.now
	sample []string      // how it begins, if it took long

	hook  func(b []byte) // of the proxy's own: gets the reply, or nil if there is none
	reply []byte         // what has arrived before its turn
}

// reqQueue is a queue of requests.
type reqQueue struct {
	list []*req
	head int
}

func (q *reqQueue) len() int      { return len(q.list) - q.head }
func (q *reqQueue) at(i int) *req { return q.list[q.head+i] }
func (q *reqQueue) push(r *req)   { q.list = append(q.list, r) }
func (q *reqQueue) all() []*req   { return q.list[q.head:] }
func (q *reqQueue) pop() *req {
	r := q.list[q.head]
	q.list[q.head] = nil
	q.head++
	switch {
	case q.head == len(q.list):
		q.list, q.head = q.list[:0], 0
	case q.head >= 1024 && q.head*2 >= len(q.list):
		n := copy(q.list, q.list[q.head:])
		clear(q.list[n:])
		q.list, q.head = q.list[:n], 0
	}
	return r
}
