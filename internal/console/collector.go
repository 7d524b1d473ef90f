package console

import (
	"context"
	"runtime"
	"time"

	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/proto"

	"github.com/gosentinel/sentinel/internal/web"
	"github.com/gosentinel/sentinel/monitor"
	"github.com/gosentinel/sentinel/quorum"
)

// ours describes a metric that redis_exporter does not have.
func ours(name, help string, labels ...string) *family {
	return desc(prefix+name, help, labels...)
}

// What is told of this Sentinel.
var (
	build       = ours("build_info", "Always 1; the labels say what runs.", "version", "go_version", "compatible_with")
	answers     = ours("loop_answers", "1 while the loop that makes all decisions answers. At 0 most other metrics are missing.")
	durable     = ours("state_durable", "1 while the state can be saved. At 0 this Sentinel gives no vote.")
	ready       = ours("ready", "1 while /readyz says yes.")
	tiltsSeen   = ours("tilts_total", "Times that this Sentinel has entered TILT.")
	epochNow    = ours("current_epoch", "The highest epoch that is known.")
	stall       = ours("loop_stall_seconds_max", "The longest time that the loop has let something wait, since the start.")
	stallRecent = ours("loop_stall_seconds_recent", "The same, in the last minute or two.")
	inbox       = ours("inbox_length", "Inputs that wait for the loop.")
	inboxMax    = ours("inbox_capacity", "Inputs that may wait before their senders do.")
	clients     = ours("clients", "Clients that are connected.")
	refused     = ours("clients_refused_total", "Clients that were refused because there were too many.")
	commands    = ours("commands_total", "Commands that clients have sent.")
	cut         = ours("subscribers_cut_total", "Subscribers that were cut because they did not take their messages.")
	lost        = ours("events_dropped_total", "Events that a reader in this program was too slow for.")
	logLost     = ours("log_lines_dropped_total", "Lines that the log could not take.")
	hurrySent   = ours("fast_sent_total", "What was sent sooner than redis-sentinel would send it.")
	hurryWaited = ours("fast_delayed_total", "What had to wait although it was to be sent sooner.")
	trip        = ours("ping_round_trip_seconds", "How long the answers to PING took, by what was asked.", "of")

	gossipPeers   = ours("gossip_peers", "Sentinels with which this one gossips.")
	gossipPeersUp = ours("gossip_peers_up", "Of these, those that are heard.")
	gossipPackets = ours("gossip_packets_total", "Packets of gossip.", "direction")
	gossipNews    = ours("gossip_news_total", "What gossip has carried: said, repeated, heard, or in vain: expired, stale, dropped, unsent.", "what")
	gossipRefused = ours("gossip_refused_total", "Packets of gossip that were refused, by cause.", "cause")
)

// What is told of each master.
var (
	mDown       = ours("master_subjectively_down", "1 while this Sentinel finds the master down.", "master")
	mAgreed     = ours("master_objectively_down", "1 while enough Sentinels find the master down.", "master")
	mUsable     = ours("master_usable_sentinels", "Sentinels that answer, this one included.", "master")
	mKnown      = ours("master_known_sentinels", "Sentinels that are known, this one included.", "master")
	mNeeded     = ours("master_needed_sentinels", "Sentinels that it takes to fail the master over.", "master")
	mPossible   = ours("master_failover_possible", "1 while enough Sentinels and a replica are there for a failover.", "master")
	mReplicasUp = ours("master_promotable_replicas", "Replicas that could take the master's place.", "master")
	mLag        = ours("master_replica_lag_bytes_max", "By how much the replica that is furthest behind is, in bytes of the replication stream.", "master")
	mRunning    = ours("master_failover_in_progress", "1 while this Sentinel fails the master over.", "master")
	mPaused     = ours("master_failovers_paused", "1 while an operator has paused failovers.", "master")
	mTrip       = ours("master_ping_round_trip_seconds", "How long the last answer to PING took.", "master")
	mSDowns     = ours("master_sdown_total", "Times that this Sentinel has found the master down.", "master")
	mODowns     = ours("master_odown_total", "Times that enough Sentinels have found the master down.", "master")
	mSwitches   = ours("master_switches_total", "Times that the master has moved.", "master")
	mSwitched   = ours("master_last_switch_timestamp_seconds", "When the master moved last, in seconds since 1970, as far as the journal tells. Missing if it never did.", "master")
)

// collector collects how things are.
type collector struct {
	snapshots *web.Fresh[*snapshot]
	meters    *meters
}

func (c *collector) families() []*dto.MetricFamily {
	fs := &families{of: map[*family]*dto.MetricFamily{}}
	s, err := c.snapshots.Get(context.Background())
	fs.gauge(answers, number(err == nil))
	fs.gauge(ready, number(err == nil && s.saveTrouble == ""))
	if err != nil {
		return fs.list
	}
	s.exporter(fs.gauge)
	s.process(fs.gauge, fs.counter)
	s.roundTrips(fs)
	s.gossip(fs.gauge, fs.counter)
	for k := range s.groups {
		g := &s.groups[k]
		g.collect(fs.gauge)
		name := g.master.Name
		m := c.meters.master(name)
		fs.counter(mSDowns, float64(m.sdown), name)
		fs.counter(mODowns, float64(m.odown), name)
		fs.counter(mSwitches, float64(m.switches), name)
		if !m.switched.IsZero() {
			fs.gauge(mSwitched, float64(m.switched.UnixMilli())/1000, name)
		}
	}
	return fs.list
}

type put func(f *family, v float64, labels ...string)

func (s *snapshot) process(gauge, counter put) {
	gauge(build, 1, s.Version, runtime.Version(), s.MadeFor)
	gauge(durable, number(s.saveTrouble == ""))
	counter(tiltsSeen, float64(s.tilts))
	gauge(epochNow, float64(s.epoch))
	gauge(stall, s.Stall.Seconds())
	gauge(stallRecent, s.Recent.Seconds())
	gauge(inbox, float64(s.Inbox))
	gauge(inboxMax, float64(s.InboxMax))
	gauge(clients, float64(s.Clients))
	counter(refused, float64(s.Refused))
	counter(commands, float64(s.Commands))
	counter(cut, float64(s.Cut))
	counter(lost, float64(s.Lost))
	counter(logLost, float64(s.LogLost))
	counter(hurrySent, float64(s.hurry.Spent))
	counter(hurryWaited, float64(s.hurry.Waited))
}

func (s *snapshot) roundTrips(fs *families) {
	for k, t := range s.trips {
		h, n := &dto.Histogram{}, uint64(0)
		for i, bound := range monitor.RoundTripBounds {
			n += t.Classes[i]
			h.Bucket = append(h.Bucket, &dto.Bucket{UpperBound: proto.Float64(bound.Seconds()), CumulativeCount: proto.Uint64(n)})
		}
		n += t.Classes[len(monitor.RoundTripBounds)]
		h.SampleCount, h.SampleSum = proto.Uint64(n), proto.Float64(t.Sum.Seconds())
		fs.add(trip, dto.MetricType_HISTOGRAM, []string{kindWords[k]}).Histogram = h
	}
}

func (s *snapshot) gossip(gauge, counter put) {
	g := s.Gossip
	gauge(gossipPeers, float64(g.Peers))
	gauge(gossipPeersUp, float64(g.PeersUp))
	counter(gossipPackets, float64(g.PacketsSent), "sent")
	counter(gossipPackets, float64(g.PacketsReceived), "received")
	for what, n := range map[string]uint64{
		"said": g.Said, "repeated": g.Repeated, "expired": g.Expired, "heard": g.Heard, "stale": g.Stale, "dropped": g.Dropped, "unsent": g.Unsent,
	} {
		counter(gossipNews, float64(n), what)
	}
	for cause, n := range map[string]uint64{
		"forged": g.Forged, "malformed": g.Malformed, "oversized": g.Oversized, "version": g.WrongVersion, "stranger": g.Strangers, "replayed": g.Replayed,
	} {
		counter(gossipRefused, float64(n), cause)
	}
}

func (g *group) collect(gauge put) {
	m := &g.master
	gauge(mDown, number(m.Flags.Has(monitor.FlagSDown)), m.Name)
	gauge(mAgreed, number(m.Flags.Has(monitor.FlagODown)), m.Name)
	known := g.known()
	gauge(mUsable, float64(m.UsableSentinels), m.Name)
	gauge(mKnown, float64(known), m.Name)
	gauge(mNeeded, float64(quorum.Needed(known, m.Quorum)), m.Name)
	promotable, lag := 0, uint64(0)
	for i := range g.replicas {
		if g.promotable(&g.replicas[i]) {
			promotable++
		}
		if behind, ok := g.lag(&g.replicas[i]); ok {
			lag = max(lag, behind)
		}
	}
	gauge(mPossible, number(promotable > 0 && m.QuorumTrouble() == ""), m.Name)
	gauge(mReplicasUp, float64(promotable), m.Name)
	gauge(mLag, float64(lag), m.Name)
	gauge(mRunning, number(m.Flags.Has(monitor.FlagFailoverInProgress)), m.Name)
	gauge(mPaused, number(g.paused()), m.Name)
	if m.RoundTrip > 0 {
		gauge(mTrip, m.RoundTrip.Seconds(), m.Name)
	}
}

// known returns how many Sentinels there are, this one included.
func (g *group) known() int { return g.master.OtherSentinels + g.master.Unreachable + 1 }

func (g *group) paused() bool { return g.master.PauseLeft > 0 && !g.master.Pause.Resumed }

// promotable says whether a replica could take the master's place, as far as that shows.
func (g *group) promotable(r *monitor.ReplicaView) bool { return g.unfit(r) == "" }

// unfit says why a replica could not take the master's place; "" if it could.
func (g *group) unfit(r *monitor.ReplicaView) string {
	switch {
	case r.Flags.Has(monitor.FlagSDown):
		return "it is down"
	case !r.CommandsUp:
		return "it cannot be reached"
	case r.Priority == 0:
		return "its replica-priority is 0"
	case r.Details == nil:
		return "it has not answered INFO yet"
	case r.MasterLinkDown < 0:
		return "it was never synchronised"
	case !r.MasterLinkUp && !g.master.Flags.Has(monitor.FlagSDown):
		return "its link to the master is down"
	}
	return ""
}

// lag returns by how many bytes a replica was behind when the master was asked last: what
// had it acknowledged by then, or has it said itself? It reports false when that is not
// known.
func (g *group) lag(r *monitor.ReplicaView) (uint64, bool) {
	d := g.master.Details
	if d == nil || r.Details == nil || d.MasterOffset == 0 {
		return 0, false
	}
	at := r.Offset
	for _, a := range d.Attached {
		if a.At == r.Addr && a.Online {
			at = max(at, a.Offset)
		}
	}
	if at >= d.MasterOffset {
		return 0, true
	}
	return d.MasterOffset - at, true
}

// snapshotAge is how old a snapshot may be that is shown.
const snapshotAge = 500 * time.Millisecond
