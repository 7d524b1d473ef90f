package standalone

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/gosentinel/sentinel/monitor"
)

// server makes what a server says about itself from words:
//
//	silent, loading      it does not answer, or says so
//	master, of=NAME      its role
//	up                   it is connected to that master
//	keys                 it has data
//	id=A@10              its history, and how far it has come
//	old=B@11             the history before, and where that ended
//	with=NAME            a replica that it has
func server(name, words string) *seen {
	s := &seen{name: name, addr: name}
	var info strings.Builder
	role, at := "role:master\r\n", uint64(0)
	for _, word := range strings.Fields(words) {
		key, value, _ := strings.Cut(word, "=")
		host, port, _ := strings.Cut(value, ":")
		switch id, offset, _ := strings.Cut(value, "@"); key {
		case "silent":
			s.err = errors.New("connection refused")
			return s
		case "loading":
			s.err = errLoading
			return s
		case "of":
			role = fmt.Sprintf("role:slave\r\nmaster_host:%s\r\nmaster_port:%s\r\n", host, port)
			s.follows = value
		case "up":
			role += "master_link_status:up\r\n"
		case "keys":
			info.WriteString("db0:keys=1,expires=0,avg_ttl=0\r\n")
		case "id":
			fmt.Sscan(offset, &at)
			fmt.Fprintf(&info, "master_replid:%s\r\nmaster_repl_offset:%s\r\n", strings.Repeat(strings.ToLower(id), 40), offset)
		case "old":
			fmt.Fprintf(&info, "master_replid2:%s\r\nsecond_repl_offset:%s\r\n", strings.Repeat(strings.ToLower(id), 40), offset)
		case "with":
			role += fmt.Sprintf("slave0:ip=%s,port=%s,state=online,offset=0,lag=0\r\n", host, port)
		}
	}
	if strings.HasPrefix(role, "role:slave") {
		role += fmt.Sprintf("slave_repl_offset:%d\r\n", at)
	}
	s.info = monitor.ParseInfo([]byte("# Replication\r\n" + role + info.String()))
	return s
}

const (
	a, b, c = "10.0.0.1:6379", "10.0.0.2:6379", "10.0.0.3:6379"
)

// TestChoose: which server is the master when a group is seen for the first time.
func TestChoose(t *testing.T) {
	for _, k := range []struct {
		name    string
		servers []string // a, b and c, as far as they are there
		claims  []claim
		hasty   bool   // those that do not answer have not been waited for
		want    string // the master; "" for none
		promote bool
		follow  string // those that are known to follow it
		why     string
	}{
		{name: "roles are honoured", servers: []string{"of=" + b, "master keys"}, hasty: true, want: b, follow: a, why: "the master already"},
		{name: "a chain", servers: []string{"master", "of=" + a, "of=" + b}, want: a, follow: b},
		{name: "nobody answers", servers: []string{"silent", "silent"}, why: "connection refused"},
		{name: "one answers", servers: []string{"silent", "master"}, want: b, why: "only master that answers"},
		{name: "one answers, soon", servers: []string{"silent", "master"}, hasty: true, why: "waiting for " + a},
		{name: "one is loading", servers: []string{"loading", "master"}, why: "loading its data"},
		{name: "one is loading, and the other is followed", servers: []string{"loading", "master", "of=" + b}, want: b, follow: c},
		{name: "empty masters", servers: []string{"master", "master"}, want: a, why: "comes first"},
		{name: "empty masters, one followed", servers: []string{"master", "master", "of=" + b}, want: b, follow: c},
		{name: "one master with data", servers: []string{"master", "master keys"}, want: b, why: "only master with data"},
		{name: "two masters with data", servers: []string{"master keys id=A@9", "master keys id=B@9"}, why: "Nothing is changed until you choose"},
		{name: "a returned master without more", servers: []string{"master keys id=C@20 old=A@21", "master keys id=B@50 old=A@31"}, want: b, why: "data of all the other"},
		{name: "a returned master with more", servers: []string{"master keys id=C@40 old=A@41", "master keys id=B@50 old=A@31"}, why: "Nothing is changed"},
		{name: "a returned master that was written to", servers: []string{"master keys id=C@25 old=A@21", "master keys id=B@50 old=A@31"}, why: "Nothing is changed"},

		{name: "the master is down", servers: []string{"silent", "of=" + a, "of=" + a}, want: a, follow: b + " " + c, why: "will be promoted"},
		{name: "the master is down, soon", servers: []string{"silent", "of=" + a}, hasty: true, why: "waiting for " + a},
		{name: "in a circle", servers: []string{"of=" + b + " keys id=A@10", "of=" + a + " keys id=A@12"}, want: b, promote: true, follow: a, why: "nobody is a master"},
		{name: "in a circle, one down", servers: []string{"of=" + b, "of=" + a, "silent"}, why: "waiting for " + c},
		{name: "in a circle, apart", servers: []string{"of=" + b + " keys id=A@10", "of=" + a + " keys id=B@12"}, why: "Nothing is changed"},
		{name: "of another group", servers: []string{"of=10.9.9.9:1 up", "of=10.9.9.9:1 up"}, why: "belongs to another group"},
		{name: "of a master that is gone", servers: []string{"of=10.9.9.9:1", "of=10.9.9.9:1"}, why: "REPLICAOF NO ONE"},

		{name: "others say so", servers: []string{"master keys", "master keys", "of=" + b}, claims: []claim{{group: "cache", master: b}}, hasty: true, want: b, follow: c, why: "others"},
		{name: "the higher epoch", servers: []string{"master", "master"}, claims: []claim{{group: "cache", master: a, epoch: 1}, {group: "cache", master: b, epoch: 2}}, want: b},
		{name: "the first of equals", servers: []string{"master", "master"}, claims: []claim{{group: "cache", master: b}, {group: "cache", master: a}}, want: a},
		{name: "another name", servers: []string{"master", "of=" + a}, claims: []claim{{group: "other", master: a}}, why: `name = "other"`},
		{name: "another master", servers: []string{"master", "of=" + a}, claims: []claim{{group: "cache", master: "10.9.9.9:1"}}, why: "servers does not have"},
	} {
		s := scene{group: "cache", claims: k.claims, patient: !k.hasty}
		for i, words := range k.servers {
			s.list = append(s.list, server([]string{a, b, c}[i], words))
		}
		got := s.choose()
		if got.master != k.want || got.promote != k.promote || strings.Join(got.replicas, " ") != k.follow || !strings.Contains(got.why, k.why) || got.why == "" {
			t.Errorf("%s: %+v", k.name, got)
		}
	}
}

// TestAdopt: which servers become members of a group whose master is a.
func TestAdopt(t *testing.T) {
	master := server(a, "master keys id=B@50 old=A@31")
	for _, k := range []struct {
		name, words string
		twin        string
		claims      []claim
		deaf        bool
		join        bool
		why         string
	}{
		{name: "a replica", words: "of=" + a, deaf: true, join: true},
		{name: "an empty master", words: "master", join: true},
		{name: "an empty master, soon", words: "master", deaf: true},
		{name: "a master of before", words: "master keys id=C@20 old=A@21", join: true},
		{name: "a master of before with more", words: "master keys id=C@40 old=A@41", why: "left alone"},
		{name: "a master with data", words: "master keys id=D@5", why: "left alone"},
		{name: "a replica of a replica", words: "of=" + b},
		{name: "a replica of a stranger", words: "of=10.9.9.9:1", why: "another group"},
		{name: "a master of strangers", words: "master with=10.9.9.9:1", why: "another group"},
		{name: "an empty master of members", words: "master with=" + b, join: true},
		{name: "watched under another name", words: "master", claims: []claim{{group: "other", master: c}}, why: `as "other"`},
		{name: "watched as another master", words: "master", claims: []claim{{group: "cache", master: c}}},
		{name: "watched by one of us", words: "master", claims: []claim{{group: "cache", master: a}}, join: true},
		{name: "a twin", words: "master", twin: "localhost:6379", why: "the same server as localhost:6379"},
		{name: "silent", words: "silent", why: "connection refused"},
	} {
		v := (&candidate{
			seen: server(c, k.words), master: master, members: []string{a, b}, listed: []string{a, b, c}, group: "cache",
			twin: k.twin, claims: k.claims, heard: !k.deaf,
		}).adopt()
		if v.join != k.join || !strings.Contains(v.why, k.why) || (v.why == "") != (k.why == "") {
			t.Errorf("%s: %+v", k.name, v)
		}
	}
}
