package workload

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/gosentinel/sentinel/jepsen/arena"
	"github.com/gosentinel/sentinel/jepsen/history"
	"github.com/redis/go-redis/v9"
)

// How often clients do something. There are few of them, so that the machine is not what
// is tested.
const (
	writeEvery    = 20 * time.Millisecond
	readEvery     = 500 * time.Millisecond
	transferEvery = 50 * time.Millisecond
	auditEvery    = 10 // transfers
)

const listPrefix = "jepsen:list:"

// ListKey is the key of the list of a writer.
func ListKey(client string) string { return listPrefix + client }

// accountKeys are the keys of the accounts.
var accountKeys = func() (keys []string) {
	for i := range history.Accounts {
		keys = append(keys, "jepsen:account:"+strconv.Itoa(i))
	}
	return keys
}()

// Workload is a set of clients at work.
type Workload struct {
	arena *arena.Arena
	to    *history.Recorder
	lists []string // keys
}

// New opens the accounts.
func New(ctx context.Context, a *arena.Arena, to *history.Recorder) (*Workload, error) {
	w := &Workload{arena: a, to: to}
	var deposits []any
	for _, k := range accountKeys {
		deposits = append(deposits, k, history.Deposit)
	}
	if err := a.Servers[0].Client().MSet(ctx, deposits...).Err(); err != nil {
		return nil, fmt.Errorf("opening the accounts: %w", err)
	}
	return w, nil
}

// Run lets the clients work until ctx ends.
func (w *Workload) Run(ctx context.Context, s Settings) error {
	var all sync.WaitGroup
	defer all.Wait()
	ctx, cancel := context.WithCancel(ctx)
	start := func(c *client, err error, work func(context.Context, *client)) error {
		if err != nil {
			cancel()
			return err
		}
		all.Go(func() {
			defer c.close()
			work(ctx, c)
		})
		return nil
	}
	var errs []error
	for i, host := range w.arena.ClientNames() {
		writer := func(ctx context.Context, c *client) { w.write(ctx, c, s) }
		c := library(w.arena, "library"+strconv.Itoa(i), host)
		w.lists = append(w.lists, ListKey(c.name))
		errs = append(errs, start(c, nil, writer))
		c, err := discovered(ctx, w.arena, "discovery"+strconv.Itoa(i), host)
		if err == nil {
			w.lists = append(w.lists, ListKey(c.name))
		}
		errs = append(errs, start(c, err, writer))
		if w.arena.Proxy() != "" {
			c := proxied(w.arena, "proxy"+strconv.Itoa(i), host)
			w.lists = append(w.lists, ListKey(c.name))
			errs = append(errs, start(c, nil, writer))
		}
		teller := library(w.arena, "teller"+strconv.Itoa(i), host)
		errs = append(errs, start(teller, nil, func(ctx context.Context, c *client) { w.tell(ctx, c, s.Seed+uint64(i)) }))
	}
	<-ctx.Done()
	cancel()
	return errors.Join(errs...)
}

// Settings are what clients do.
type Settings struct {
	Seed uint64 // decides what the tellers do
	Wait bool   // writers say WAIT 1
	// WriteEvery is the time between two writes of one writer, at most 500 ms; 0: 20 ms.
	WriteEvery time.Duration
}

// every calls do at a fixed rate until ctx ends. What an outage held up is not made up for.
func every(ctx context.Context, d time.Duration, do func(n int)) {
	tick := time.NewTicker(d)
	defer tick.Stop()
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			do(n)
		}
	}
}

// write appends rising numbers, and reads them now and then.
func (w *Workload) write(ctx context.Context, c *client, s Settings) {
	key := ListKey(c.name)
	pace := cmp.Or(s.WriteEvery, writeEvery)
	every(ctx, pace, func(n int) {
		w.do(ctx, c, history.Op{Func: history.Add, Key: key, Value: int64(n)}, func(ctx context.Context, _ *history.Op) error {
			if s.Wait {
				return addAndWait(ctx, c.redis, key, n)
			}
			return c.redis.RPush(ctx, key, n).Err()
		})
		if n%int(readEvery/pace) == 0 {
			w.do(ctx, c, history.Op{Func: history.Read, Key: key}, func(ctx context.Context, o *history.Op) error {
				return readList(ctx, c.redis, key, o)
			})
		}
	})
}

// errNotReplicated means that no replica confirmed a write in time.
var errNotReplicated = errors.New("no replica has confirmed")

// addAndWait appends and waits until a replica has it.
func addAndWait(ctx context.Context, r *redis.Client, key string, n int) error {
	cmds, err := r.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.RPush(ctx, key, n)
		p.Do(ctx, "WAIT", 1, limit.Milliseconds()/2)
		return nil
	})
	if err != nil {
		return err
	}
	if acks, err := cmds[1].(*redis.Cmd).Int(); err != nil || acks < 1 {
		return errors.Join(errNotReplicated, err)
	}
	return nil
}

func readList(ctx context.Context, r *redis.Client, key string, o *history.Op) error {
	list, err := r.LRange(ctx, key, 0, -1).Result()
	if err == nil {
		o.Values, err = numbers(list)
	}
	return err
}

func numbers(list []string) (values []int64, err error) {
	for _, s := range list {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return nil, err
		}
		values = append(values, n)
	}
	return values, nil
}

// tell moves amounts between accounts, and adds all up now and then.
func (w *Workload) tell(ctx context.Context, c *client, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 1))
	every(ctx, transferEvery, func(n int) {
		from := r.IntN(history.Accounts)
		to := (from + 1 + r.IntN(history.Accounts-1)) % history.Accounts
		amount := 1 + r.Int64N(5)
		w.do(ctx, c, history.Op{Func: history.Transfer, Key: history.BankKey, Value: amount}, func(ctx context.Context, _ *history.Op) error {
			_, err := c.redis.TxPipelined(ctx, func(p redis.Pipeliner) error {
				p.DecrBy(ctx, accountKeys[from], amount)
				p.IncrBy(ctx, accountKeys[to], amount)
				return nil
			})
			return err
		})
		if n%auditEvery == 0 {
			w.do(ctx, c, history.Op{Func: history.Audit, Key: history.BankKey}, func(ctx context.Context, o *history.Op) error {
				return readAccounts(ctx, c.redis, o)
			})
		}
	})
}

func readAccounts(ctx context.Context, r *redis.Client, o *history.Op) error {
	list, err := r.MGet(ctx, accountKeys...).Result()
	if err != nil {
		return err
	}
	for _, v := range list {
		s, ok := v.(string)
		if !ok {
			continue // no such account
		}
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return err
		}
		o.Values = append(o.Values, n)
	}
	return nil
}

// do carries out and records one operation. One that the end cut off is recorded too: a
// write may have happened.
func (w *Workload) do(ctx context.Context, c *client, o history.Op, do func(context.Context, *history.Op) error) {
	o.Client, o.Call = c.name, w.to.Now()
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.limit)
	defer cancel()
	err := do(limited, &o)
	o.Return, o.Outcome, o.Error, o.Server = w.to.Now(), outcome(err), kind(err), c.serverAt()
	w.to.Op(o)
}

// Finish reads all lists and accounts from one server, and records them as what there is
// at the end.
func (w *Workload) Finish(ctx context.Context, r *redis.Client) error {
	for _, key := range w.lists {
		var o history.Op
		if err := readList(ctx, r, key, &o); err != nil {
			return fmt.Errorf("reading %s at the end: %w", key, err)
		}
		w.to.Final(history.Final{Key: key, Values: o.Values})
	}
	var o history.Op
	if err := readAccounts(ctx, r, &o); err != nil {
		return fmt.Errorf("reading the accounts at the end: %w", err)
	}
	w.to.Final(history.Final{Key: history.BankKey, Values: o.Values})
	return nil
}
