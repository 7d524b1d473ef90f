package survey

import (
	"context"

	"github.com/gosentinel/sentinel/internal/resp"
)

// Ask asks one Sentinel one thing, on a connection of its own. The error is a *[Problem] if it
// could not be asked; an error reply is none.
func (o Options) Ask(ctx context.Context, addr string, words ...string) (v resp.Value, err error) {
	t := newTaker(o)
	p := t.asked(ctx, addr, o.Sentinel, func(c *conn) (p *Problem) {
		v, p = c.do(words...)
		return p
	})
	if p != nil {
		return v, p
	}
	return v, nil
}

// Value is a reply.
type Value = resp.Value
