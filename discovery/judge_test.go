package discovery

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// history is what happens to a group: failovers, of which the Sentinels hear one
// after the other, and old masters that do not know yet.
type history struct {
	rnd       *rand.Rand
	now       time.Time
	servers   []string
	masters   map[string]time.Time // servers that say that they are masters, until when
	dead      map[string]time.Time
	master    string
	epoch     uint64
	witnesses []*witness
	follow    []time.Time // when each honest Sentinel hears of the latest failover
	liar      *witness
}

func newHistory(seed uint64, honest int) *history {
	h := &history{
		rnd: rand.New(rand.NewPCG(seed, 0)), now: time.Unix(1e9, 0), servers: []string{"a:1", "b:1", "c:1"},
		masters: map[string]time.Time{}, dead: map[string]time.Time{}, epoch: 5, liar: &witness{},
	}
	h.masters["z:1"] = h.now.Add(time.Hour) // a master of another group
	h.follow = make([]time.Time, honest)
	for range honest {
		h.witnesses = append(h.witnesses, &witness{})
	}
	h.promote("a:1")
	for i := range h.follow {
		h.follow[i] = h.now
	}
	h.witnesses = append(h.witnesses, h.liar)
	h.rnd.Shuffle(len(h.witnesses), func(i, j int) { h.witnesses[i], h.witnesses[j] = h.witnesses[j], h.witnesses[i] })
	h.hear()
	return h
}

// promote makes another server the master. The old one may be dead, or may not
// hear of it for some seconds.
func (h *history) promote(to string) {
	if h.master != "" {
		h.epoch++
		h.masters[h.master] = h.now.Add(time.Duration(h.rnd.IntN(3000)) * time.Millisecond)
		if h.rnd.IntN(2) == 0 {
			h.dead[h.master] = h.now.Add(time.Duration(h.rnd.IntN(10000)) * time.Millisecond)
		}
	}
	h.master = to
	h.masters[to] = h.now.Add(time.Hour)
	delete(h.dead, to)
	for i := range h.follow {
		h.follow[i] = h.now.Add(time.Duration(h.rnd.IntN(2000)) * time.Millisecond)
	}
	h.follow[h.rnd.IntN(len(h.follow))] = h.now // its leader
}

// hear lets every Sentinel answer.
func (h *history) hear() {
	i := 0
	for _, w := range h.witnesses {
		if w == h.liar {
			w.answer, w.heard, w.present = h.lie(), h.now, true
			continue
		}
		if !w.present && i > 1 && h.rnd.IntN(20) > 0 {
			i++
			continue
		}
		w.heard, w.present = h.now, true
		if !h.follow[i].After(h.now) {
			w.answer = answer{master: h.master, epoch: h.epoch, replicas: h.others(h.master)}
		}
		w.present = i < 2 || h.rnd.IntN(50) > 0 // of those beyond two, some are silent for a while
		i++
	}
}

func (h *history) others(master string) (list []member) {
	for _, s := range h.servers {
		if s != master {
			list = append(list, member{s, true})
		}
	}
	return list
}

// lie makes up an answer; now and then it is the truth, to be believed again.
func (h *history) lie() answer {
	all := append([]string{"z:1", "nobody:1"}, h.servers...)
	a := answer{master: all[h.rnd.IntN(len(all))], epoch: h.epoch + uint64(h.rnd.IntN(3)) - 1, replicas: h.others("")}
	switch h.rnd.IntN(4) {
	case 0:
		a.epoch = 1 << 63
	case 1:
		a.master, a.epoch = h.master, h.epoch
	}
	return a
}

func (h *history) says(addr string) (claim, time.Time) {
	switch {
	case h.dead[addr].After(h.now):
		return isSilent, h.now
	case h.masters[addr].After(h.now):
		return isMaster, h.now
	}
	return isOther, h.now
}

// Whatever one of three to five Sentinels says, and whatever happens: nobody is sent to
// a stranger, to a server that was never the master of that epoch, or backwards,
// and there is a master again soon after every failover.
func TestOneLiarIsHarmless(t *testing.T) {
	for seed := range uint64(100) {
		h := newHistory(seed, 2+int(seed%3))
		j := &judge{}
		was := map[uint64]string{h.epoch: h.master}
		last, quiet := uint64(0), time.Duration(0)
		for range 600 {
			h.now = h.now.Add(100 * time.Millisecond)
			if h.rnd.IntN(100) == 0 {
				h.promote(h.servers[h.rnd.IntN(len(h.servers))])
				if was[h.epoch] = h.master; h.epoch > 5 {
					quiet = 0
				}
			}
			h.hear()
			v := j.decide(h.now, h.witnesses, h.says)
			quiet += 100 * time.Millisecond
			fail := func(format string, args ...any) {
				t.Fatalf("seed %d, %v: %s", seed, h.now.Sub(time.Unix(1e9, 0)), fmt.Sprintf(format, args...))
			}
			switch {
			case v.master == "" && quiet > 2*time.Second+2*settle:
				fail("there is no master %v after the last failover: %s", quiet, v.why)
			case v.master == "":
			case was[v.epoch] != v.master:
				fail("%s at epoch %d, of which the master was %q", v.master, v.epoch, was[v.epoch])
			case v.epoch < last:
				fail("back from epoch %d to %d", last, v.epoch)
			default:
				last = v.epoch
			}
			for _, addr := range v.wanted {
				if addr == "z:1" || addr == "nobody:1" {
					fail("the password goes to %s", addr)
				}
			}
		}
	}
}

// decisions are played step by step. A line has the time in ms, what changes, and
// what follows: the master or "-", and "drop" when connections to the one of before
// are cut. s1=a5 is a Sentinel that names a at epoch 5 and knows a, b and c; s1=a5! one
// that knows only a; s1=? has not been asked yet, s1=- does not answer. a=M says that
// it is a master, a=o something else, a=- nothing, which is how all begin.
var decisions = map[string]string{
	"all agree": `
		0 s1=a5 s2=a5 s3=a5 a=M : a5`,
	"those who were not asked yet are waited for, and count": `
		0    s1=a5 s2=? s3=? a=M : - asks nobody
		100  s2=a5 : -
		249  : -
		250  : a5
		300  s3=b6 b=o : a5`,
	"one that answered is not most": `
		0    s1=a5 s2=? s3=? a=M : - asks nobody
		3000 : - asks nobody
		3100 s2=- s3=- : a5`,
	"not while it is no master": `
		0  s1=a5 s2=a5 s3=a5 : -
		10 a=o : -
		20 a=M : a5
		30 a=- : -
		40 a=M : a5`,
	"a failover": `
		0    s1=a5 s2=a5 s3=a5 a=M b=o : a5
		1000 a=- : -
		2000 s1=b6 b=M : -
		2010 s2=b6 : b6 drop
		2500 s3=b6 a=M : b6`,
	"the old one is left though the new one is not there yet": `
		0    s1=a5 s2=a5 s3=a5 a=M : a5
		1000 s1=b6 s2=b6 : - drop
		1100 b=M : b6 drop`,
	"a member that is a master too, by the word of one, is doubted for five seconds": `
		0    s1=a5 s2=a5 s3=a5 a=M : a5
		1000 s3=b6 b=M : -
		5999 : -
		6000 : a5
		7000 s3=c9 c=M : a5
		8000 s3=a5 : a5
		9000 s3=c9 : -
		9900 s2=c9 : c9 drop`,
	"a stranger's word does not trouble what works": `
		0    s1=a5 s2=a5 s3=a5 a=M : a5
		1000 s3=z9! z=M : a5`,
	"at the beginning it is waited for": `
		0    s1=a5 s2=a5 s3=z9! a=M z=M : -
		4999 : -
		5000 : a5`,
	"the last one that answers is believed in what the others knew, for a minute": `
		0     s1=a5 s2=a5 s3=a5 a=M z=M : a5
		1000  s1=- s2=- s3=z9! : a5 asks a
		2000  a=- : - asks a
		59999 : - asks a
		60001 : z9 drop asks z,a`,
	"the last one that answers is believed": `
		0     s1=a5 s2=a5 s3=a5 a=M : a5
		1000  s1=- s2=- a=- : -
		2000  s3=b6 b=M : b6 drop`,
	"nobody answers": `
		0     s1=a5 s2=a5 s3=a5 a=M : a5
		1000  s1=- s2=- s3=- : a5
		2000  a=- : -
		90000 a=M : a5`,
	"two that contradict each other": `
		0    s1=a5 s2=b6 a=M b=M : -
		4999 : -
		5000 : b6`,
	"two that contradict each other at one epoch": `
		0     s1=a5 s2=a5 a=M : a5
		1000  s1=b5 s2=c5 a=- b=M c=M : -
		10000 : -
		11000 s1=b6 : b6 drop`,
	"defined anew with the same epoch": `
		0    s1=a5 s2=a5 s3=a5 a=M : a5
		1000 s1=b5 s2=b5 s3=b5 b=M a=o : -
		5999 : -
		6000 : b5 drop`,
	"defined anew with a lower epoch, the same master": `
		0    s1=a5 s2=a5 s3=a5 a=M : a5
		1000 s1=a0 s2=a0 s3=a0 : a5
		6000 : a0`,
	"two of five are ahead, and the others do not follow": `
		0     s1=a5 s2=a5 s3=a5 s4=a5 s5=a5 a=M : a5
		1000  a=- : -
		2000  s1=b6 s2=b6 b=M : -
		6999  : -
		7000  : b6 drop`,
	"two of five are ahead, and a moment's silence of the other master does not matter": `
		0     s1=a5 s2=a5 s3=a5 s4=a5 s5=a5 a=M : a5
		1000  s1=b6 s2=b6 b=M : -
		6000  : a5
		20000 a=- : -
		21000 a=M : a5
		30000 a=- : -
		34999 : -
		35000 : b6 drop`,
	"three that name three": `
		0     s1=a5 s2=a5 s3=a5 a=M : a5
		1000  s1=b6 s2=c7 b=M c=M : a5
		7000  : a5
		8000  a=- : -
		14000 : -
		15000 s2=b6 : b6 drop`,
	"who lies after the truth costs five seconds again, and not more": `
		0     s1=a5 s2=a5 s3=a5 a=M : a5
		1000  s3=b6 b=M : -
		6000  : a5
		7000  s3=b9 : a5
		60000 s3=a5 : a5
		61000 s3=b9 : -
		65999 : -
		66000 : a5`,
	"one of five is ahead": `
		0     s1=a5 s2=a5 s3=a5 s4=a5 s5=a5 a=M : a5
		1000  a=- : -
		2000  s1=b6 b=M : -
		60000 : -`,
}

func TestDecisions(t *testing.T) {
	for name, script := range decisions {
		t.Run(name, func(t *testing.T) { play(t, script) })
	}
}

func play(t *testing.T, script string) {
	j, begin := &judge{}, time.Unix(1e9, 0)
	sentinels, roles, not := map[string]*witness{}, map[string]claim{}, map[string]time.Time{}
	for line := range strings.Lines(strings.TrimSpace(script)) {
		words := strings.Fields(line)
		ms, err := strconv.Atoi(words[0])
		if err != nil {
			t.Fatal(err)
		}
		now, i := begin.Add(time.Duration(ms)*time.Millisecond), slices.Index(words, ":")
		for _, change := range words[1:i] {
			who, what, _ := strings.Cut(change, "=")
			switch {
			case !strings.HasPrefix(who, "s"):
				roles[who+":1"], not[who+":1"] = map[string]claim{"M": isMaster, "o": isOther, "-": isSilent}[what], now
			case what == "-" && sentinels[who] != nil:
				sentinels[who].present, sentinels[who].pending = false, false
			case what == "-", what == "?":
				sentinels[who] = &witness{pending: what == "?"}
			default:
				w := cmp.Or(sentinels[who], &witness{})
				sentinels[who] = w
				w.pending, w.present, w.heard = false, true, now
				w.answer = answer{master: what[:1] + ":1"}
				fmt.Sscan(strings.TrimSuffix(what[1:], "!"), &w.answer.epoch)
				if !strings.HasSuffix(what, "!") {
					w.answer.replicas = []member{{"a:1", true}, {"b:1", true}, {"c:1", true}}
				}
			}
		}
		var list []*witness
		for _, who := range slices.Sorted(maps.Keys(sentinels)) {
			list = append(list, sentinels[who])
		}
		v := j.decide(now, list, func(addr string) (claim, time.Time) {
			if not[addr].IsZero() {
				return roles[addr], begin
			}
			return roles[addr], not[addr]
		})
		got, want := "-", strings.Join(words[i+1:], " ")
		if v.master != "" {
			got = fmt.Sprint(strings.TrimSuffix(v.master, ":1"), v.epoch)
		}
		if v.drop {
			got += " drop"
		}
		if strings.Contains(want, "asks") {
			asked := strings.ReplaceAll(strings.Join(v.wanted, ","), ":1", "")
			got += " asks " + cmp.Or(asked, "nobody")
		}
		if got != want {
			t.Errorf("at %s: %s (%s), want %s", words[0], got, v.why, want)
		}
		if (v.master == "") != (v.why != "") {
			t.Errorf("at %s: %q needs a reason, which is %q", words[0], v.master, v.why)
		}
	}
}

// TestUnknownName: a name that no Sentinel knows is told from Sentinels that do not answer.
func TestUnknownName(t *testing.T) {
	for _, c := range []struct {
		witnesses []*witness
		want      string
	}{
		{nil, "no Sentinel names a master"},
		{[]*witness{{}, {}}, "no Sentinel names a master"},
		{[]*witness{{unknown: true}, {}, {unknown: true}}, "no Sentinel knows a master of that name (2 of 3 were asked): compare it with what SENTINEL MASTERS says"},
	} {
		v := new(judge).decide(time.Now(), c.witnesses, func(string) (claim, time.Time) { return isSilent, time.Time{} })
		if v.why != c.want {
			t.Errorf("%d Sentinels: %q, want %q", len(c.witnesses), v.why, c.want)
		}
	}
}
