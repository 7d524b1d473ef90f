package planned

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cmd/bench/internal/relay"
	"github.com/gosentinel/sentinel/jepsen/cmd/bench/internal/traffic"
)

// Row is a set-up under a load.
type Row struct {
	Name       string
	Text       string
	Replicas   int
	Chained    bool        // one more replica replicates from the first one
	Slow       relay.Shape // of what replicas receive
	ServerConf []string
	TLS        bool
	// Release, if not empty, has the embedded server of this repository run in place of
	// redis-server, and imitate a release.
	Release string
	// Rights are what the Sentinels may do on the servers; empty: everything.
	Rights string
	Load   traffic.Load
	// MaxGap is what a gap may be at most if limits are asked for; 0: MaxGap.
	MaxGap time.Duration
}

// MaxGap is the longest gap that the usual row may have if limits are asked for.
const MaxGap = 20 * time.Millisecond

var (
	following = traffic.Writers{Clients: 10, PerSecond: 1000}
	sticky    = traffic.Writers{Clients: 10, PerSecond: 1000, Sticky: true}
	both      = traffic.Load{Writers: []traffic.Writers{following, sticky}}
)

// form returns followers that write in another way.
func form(f traffic.Form, perSecond int) traffic.Writers {
	return traffic.Writers{Clients: 10, PerSecond: perSecond, Form: f}
}

// rights are what a Sentinel needs on servers, besides those in the brackets.
const rights = "resetchannels &__sentinel__:hello -@all +ping +info +publish +subscribe +multi +exec +role +slaveof +config|rewrite +client|setname +script|kill "

// pushes are written to the embedded server, which has no bits.
var pushes = traffic.Load{Writers: []traffic.Writers{
	{Clients: 10, PerSecond: 1000, Form: traffic.Push}, {Clients: 10, PerSecond: 1000, Form: traffic.Push, Sticky: true},
}}

// Rows are all rows. Only one version of redis-server is at hand. What older ones lack
// is forbidden by an ACL instead, or the embedded server imitates them.
var Rows = []Row{
	{Name: "idle", Text: "no clients", Replicas: 2},
	{Name: "following", Text: "1,000 writes/s that follow", Replicas: 2, Load: traffic.Load{Writers: []traffic.Writers{following}}},
	{Name: "asking", Text: "1,000 writes/s of clients that ask for the master only after an error", Replicas: 2,
		Load: traffic.Load{Writers: []traffic.Writers{{Clients: 10, PerSecond: 1000, Asks: true}}}},
	{Name: "library", Text: "1,000 writes/s of clients that use go-redis with its defaults", Replicas: 2,
		Load: traffic.Load{Writers: []traffic.Writers{{Clients: 10, PerSecond: 1000, Library: true}}}},
	{Name: "both", Text: "1,000 writes/s that follow and 1,000 that stick", Replicas: 2, Load: both},
	{Name: "pipelined", Text: "50,000 writes/s in pipelines of 100, and 1,000 that stick", Replicas: 2, MaxGap: 50 * time.Millisecond,
		Load: traffic.Load{Writers: []traffic.Writers{{Clients: 5, PerSecond: 50_000, Batch: 100}, sticky}}},
	{Name: "lag20", Text: "both, and replication 20 ms late", Replicas: 2, Slow: relay.Shape{Delay: 20 * time.Millisecond}, MaxGap: 90 * time.Millisecond, Load: both},
	{Name: "lag200", Text: "both, and replication 200 ms late", Replicas: 2, Slow: relay.Shape{Delay: 200 * time.Millisecond}, MaxGap: 450 * time.Millisecond, Load: both},
	{Name: "backlog", Text: "25 MB/s for 1.5 s into a line of 6 MB/s, and both", Replicas: 1, Slow: relay.Shape{Rate: 6_000_000}, MaxGap: time.Second,
		Load: traffic.Load{Writers: []traffic.Writers{following, sticky, {Clients: 5, PerSecond: 2500, Batch: 10, Form: traffic.Padded, Burst: true}}}},
	{Name: "replicas1", Text: "both, with one replica", Replicas: 1, Load: both},
	{Name: "replicas3", Text: "both, with three replicas", Replicas: 3, Load: both},
	{Name: "chained", Text: "both, with one replica, and another one behind it", Replicas: 1, Chained: true, Load: both},
	{Name: "minreplicas", Text: "both, with min-replicas-to-write 1", Replicas: 2, ServerConf: []string{"min-replicas-to-write 1", "min-replicas-max-lag 10"}, Load: both},
	{Name: "blocked", Text: "1,000 writes/s, and 20 clients in BLPOP and XREAD", Replicas: 2, Load: traffic.Load{Writers: []traffic.Writers{following}, Blocked: 20}},
	{Name: "scripts", Text: "500 writes/s each by MULTI and by Lua", Replicas: 2,
		Load: traffic.Load{Writers: []traffic.Writers{form(traffic.Multi, 500), form(traffic.Lua, 500)}}},
	{Name: "pubsub", Text: "1,000 writes/s, and 200 messages/s to 10 subscribers", Replicas: 2,
		Load: traffic.Load{Writers: []traffic.Writers{following, form(traffic.Publish, 200)}, Subscribers: 10}},
	{Name: "tls", Text: "both, with TLS everywhere", Replicas: 2, TLS: true, Load: both},
	{Name: "acl", Text: "both, with users that have only the rights they need", Replicas: 2, Load: both, Rights: rights + "+client|kill +client|pause +client|unpause"},
	{Name: "nopause", Text: "the same without the right to pause, as with servers before 6.2", Replicas: 2, Load: both, Rights: rights + "+client|kill"},
	{Name: "old60", Text: "both, with the embedded server in place of Redis 6.0", Replicas: 2, Load: pushes, Release: "6.0.20"},
	{Name: "old50", Text: "both, with the embedded server in place of Redis 5.0", Replicas: 2, Load: pushes, Release: "5.0.14"},
	{Name: "nokill", Text: "the same without the right to cut clients", Replicas: 2, Load: both, Rights: rights + "+client|pause +client|unpause"},
}

// Named returns the rows with these names, or all of them for "all".
func Named(names string) (rows []Row, err error) {
	if names == "all" {
		return Rows, nil
	}
	for name := range strings.SplitSeq(names, ",") {
		i := slices.IndexFunc(Rows, func(r Row) bool { return r.Name == strings.TrimSpace(name) })
		if i < 0 {
			return nil, fmt.Errorf("there is no row %q; there are %s", name, strings.Join(rowNames(), ", "))
		}
		rows = append(rows, Rows[i])
	}
	return rows, nil
}

func rowNames() (names []string) {
	for _, r := range Rows {
		names = append(names, r.Name)
	}
	return names
}
