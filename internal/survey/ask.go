package survey

import (
	"cmp"
	"context"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/internal/resp"
)

// pings is how often the way to a node is measured.
const pings = 3

// asked runs f on a connection that ends with ctx.
func (t *taker) asked(ctx context.Context, addr string, a Access, f func(*conn) *Problem) *Problem {
	if ctx.Err() != nil {
		return problem(Skipped, "the time was over")
	}
	c, p := t.open(ctx, addr, a)
	if p != nil {
		return p
	}
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	if p = f(c); p != nil && ctx.Err() != nil {
		p = problem(Skipped, "the time was over")
	}
	return p
}

// introduce measures the way, and takes INFO.
func (t *taker) introduce(c *conn, n *Node) *Problem {
	for range pings {
		began := time.Now()
		if _, p := c.do("PING"); p != nil {
			return p
		}
		if rtt := time.Since(began); n.RTT == 0 || rtt < n.RTT {
			n.RTT = max(rtt, 1)
		}
	}
	began := time.Now()
	v, p := c.do("INFO")
	if p == nil {
		p = said(v)
	}
	if p != nil {
		return p
	}
	ended := time.Now()
	n.Info = parseInfo(v.Text)
	if us := n.Info.Int("server_time_usec"); us > 0 {
		n.clock(time.UnixMicro(us), began, ended)
	}
	return nil
}

// clock compares a clock with that of here.
func (n *Node) clock(there, began, ended time.Time) {
	half := ended.Sub(began) / 2
	n.Skew, n.Unsure, n.HasSkew = there.Sub(began.Add(half)), half, true
}

// maxInfo bounds the lines that are kept of INFO.
const maxInfo = 2000

func parseInfo(text string) Info {
	info := Info{}
	for line := range strings.SplitSeq(text, "\n") {
		key, value, ok := strings.Cut(strings.TrimSuffix(line, "\r"), ":")
		if ok && len(info) < maxInfo {
			info[key] = value
		}
	}
	return info
}

// askSentinel asks a Sentinel all that is wanted.
func (t *taker) askSentinel(ctx context.Context, s *Sentinel) *Problem {
	return t.asked(ctx, s.Addr, t.Sentinel, func(c *conn) *Problem {
		if p := t.introduce(c, &s.Node); p != nil {
			return p
		}
		if s.Info["redis_mode"] != "sentinel" {
			return problem(Stranger, "it is a server and no Sentinel")
		}
		s.Own = s.Info["gosentinel_version"] != ""
		list, p := c.all([]string{"SENTINEL", "MYID"}, []string{"SENTINEL", "CONFIG", "GET", "*"}, []string{"SENTINEL", "MASTERS"})
		if p != nil {
			return p
		}
		if !list[0].Failed() {
			s.ID = list[0].Text
		}
		if !list[1].Failed() {
			s.Config = Fields(pairs(list[1]))
		}
		if p := said(list[2]); p != nil {
			return p
		}
		for _, item := range list[2].Items {
			v := &View{Fields: pairs(item), Sentinel: s}
			if v.Name() != "" && (t.Master == "" || t.Master == v.Name()) {
				s.Masters = append(s.Masters, v)
			}
		}
		return t.askViews(c, s)
	})
}

// askViews asks for the details of each master.
func (t *taker) askViews(c *conn, s *Sentinel) *Problem {
	var questions [][]string
	each := []string{"CKQUORUM", "REPLICAS", "SENTINELS"}
	if s.Own {
		each = append(each, "MASTER")
	}
	for _, v := range s.Masters {
		for _, q := range each {
			words := []string{"SENTINEL", q, v.Name()}
			if q == "REPLICAS" && !s.Own {
				words[1] = "SLAVES" // which releases before 5.0 know too
			}
			if s.Own && q != "CKQUORUM" {
				words = append(words, "EXTENDED")
			}
			questions = append(questions, words)
		}
	}
	list, p := c.all(questions...)
	if p != nil {
		return p
	}
	for k, v := range s.Masters {
		answers := list[k*len(each):][:len(each)]
		v.Quorum = answers[0].Text
		for _, item := range answers[1].Items {
			v.Replicas = append(v.Replicas, pairs(item))
		}
		for _, item := range answers[2].Items {
			v.Sentinels = append(v.Sentinels, pairs(item))
		}
		if s.Own && !answers[3].Failed() {
			v.Fields = pairs(answers[3])
		}
	}
	return nil
}

func pairs(v resp.Value) Fields {
	f := Fields{}
	for k := 0; k+1 < len(v.Items); k += 2 {
		f[v.Items[k].Text] = v.Items[k+1].Text
	}
	return f
}

// settings are what a server is asked for. Of older names the first one counts.
var settings = [][]string{
	{"min-replicas-to-write", "min-slaves-to-write"}, {"min-replicas-max-lag", "min-slaves-max-lag"},
	{"replica-priority", "slave-priority"}, {"protected-mode"}, {"bind"},
	{"replica-announce-ip", "slave-announce-ip"}, {"replica-announce-port", "slave-announce-port"},
	{"masterauth"}, {"masteruser"}, {"requirepass"},
}

// askServer asks a server all that is wanted.
func (t *taker) askServer(ctx context.Context, s *Server, master string) *Problem {
	a := t.access(master)
	s.User = cmp.Or(a.User, "default")
	return t.asked(ctx, s.Addr, a, func(c *conn) *Problem {
		if p := t.introduce(c, &s.Node); p != nil {
			return p
		}
		if s.Info["redis_mode"] == "sentinel" {
			return problem(Stranger, "it is a Sentinel and no server")
		}
		s.Replicas = attached(s.Info)
		if !t.Deep {
			return nil
		}
		if !s.HasSkew {
			began := time.Now()
			v, p := c.do("TIME")
			if p != nil {
				return p
			}
			if words := v.Words(); len(words) == 2 {
				if sec, err := strconv.ParseInt(words[0], 10, 64); err == nil {
					s.clock(time.Unix(sec, 0), began, time.Now())
					s.Unsure += time.Second
				}
			}
		}
		if p := t.askSettings(c, s); p != nil {
			return p
		}
		return t.askRights(c, s, master)
	})
}

func (t *taker) askSettings(c *conn, s *Server) *Problem {
	var questions [][]string
	for _, names := range settings {
		for _, n := range names {
			questions = append(questions, []string{"CONFIG", "GET", n})
		}
	}
	list, p := c.all(questions...)
	if p != nil {
		return p
	}
	got := map[string]string{}
	for _, v := range list {
		if v.Failed() {
			t.leave("settings of %s: CONFIG GET is refused, so min-replicas-to-write, masterauth and protected-mode were not looked at", s.Addr)
			return nil
		}
		for key, value := range pairs(v) {
			got[key] = value
		}
	}
	s.secrets = secrets{got["masteruser"], got["masterauth"], got["requirepass"]}
	s.DefaultOpen, s.MasterAuth = got["requirepass"] == "", got["masterauth"] != ""
	s.Config = map[string]string{}
	for _, names := range settings[:len(settings)-3] {
		for _, n := range names {
			if v, ok := got[n]; ok {
				s.Config[names[0]] = cmp.Or(s.Config[names[0]], v)
			}
		}
	}
	return nil
}

// maxAttached bounds the replicas that are taken from one server.
const maxAttached = 100

// attached returns the addresses of the replicas that a master knows.
func attached(info Info) (list []string) {
	for key, value := range info {
		n, isReplica := strings.CutPrefix(key, "slave")
		if _, err := strconv.Atoi(n); !isReplica || err != nil || len(list) >= maxAttached {
			continue
		}
		f := Fields{}
		for part := range strings.SplitSeq(value, ",") {
			k, v, _ := strings.Cut(part, "=")
			f[k] = v
		}
		if addr := f.Addr(); addr != "" {
			list = append(list, addr)
		}
	}
	slices.SortFunc(list, compareAddr)
	return list
}

// compareAddr orders addresses, numbers by their value.
func compareAddr(a, b string) int {
	x, errX := netip.ParseAddrPort(a)
	y, errY := netip.ParseAddrPort(b)
	if errX == nil && errY == nil {
		return x.Compare(y)
	}
	ha, pa, _ := net.SplitHostPort(a)
	hb, pb, _ := net.SplitHostPort(b)
	return cmp.Or(strings.Compare(ha, hb), len(pa)-len(pb), strings.Compare(pa, pb))
}

// FieldsOf returns a reply that is a list of names and values.
func FieldsOf(v resp.Value) Fields { return pairs(v) }
