package discovery

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// answer is what a Sentinel said in one exchange.
type answer struct {
	id        string // of the Sentinel; empty if it does not tell
	master    string // address of the master that it names
	epoch     uint64 // config epoch of that
	replicas  []member
	sentinels []peer
}

// member is a replica in the list of a Sentinel.
type member struct {
	addr string
	ok   bool // up, and connected to its master
}

// peer is another Sentinel in the list of a Sentinel.
type peer struct{ addr, id string }

// maxMembers bounds what is kept of a list.
const maxMembers = 256

// questions asks everything in one exchange. The address is asked for twice,
// around the epoch: only when both agree do address and epoch belong together.
func questions(master string) []command {
	return []command{
		{"SENTINEL", "GET-MASTER-ADDR-BY-NAME", master},
		{"SENTINEL", "MASTER", master},
		{"SENTINEL", "GET-MASTER-ADDR-BY-NAME", master},
		{"SENTINEL", "REPLICAS", master},
		{"SENTINEL", "SENTINELS", master},
		{"SENTINEL", "MYID"},
	}
}

var (
	errMoving   = errors.New("it was changing the master while it was asked")
	errNoMaster = errors.New("it does not know a master of that name")
)

// parseAnswer reads the replies to questions.
func parseAnswer(r []reply) (answer, error) {
	var a answer
	before, err := masterAddr(r[0])
	if err != nil {
		return a, err
	}
	after, err := masterAddr(r[2])
	if err != nil {
		return a, err
	}
	if before != after {
		return a, errMoving
	}
	a.master = before
	if err := r[1].err(); err != nil {
		return a, err
	}
	fields, ok := r[1].fields()
	if !ok {
		return a, errors.New("SENTINEL MASTER is no list of names and values: this is no Sentinel")
	}
	if a.epoch, err = strconv.ParseUint(fields["config-epoch"], 10, 64); err != nil {
		return a, fmt.Errorf("config-epoch %s is no number", clip(fields["config-epoch"]))
	}
	// The rest is of help, but nothing hangs on it: a user may lack the right to ask.
	for _, f := range records(r[3]) {
		if m, ok := parseMember(f); ok && len(a.replicas) < maxMembers {
			a.replicas = append(a.replicas, m)
		}
	}
	for _, f := range records(r[4]) {
		if addr, ok := joinAddr(f["ip"], f["port"]); ok && len(a.sentinels) < maxMembers {
			a.sentinels = append(a.sentinels, peer{addr, f["runid"]})
		}
	}
	if r[5].kind == bulk && isName(r[5].text) {
		a.id = r[5].text
	}
	return a, nil
}

// masterAddr reads the reply to GET-MASTER-ADDR-BY-NAME.
func masterAddr(r reply) (string, error) {
	if err := r.err(); err != nil {
		return "", err
	}
	if r.null {
		return "", errNoMaster
	}
	list, ok := r.texts()
	if !ok || len(list) != 2 {
		return "", errors.New("the address of the master is not host and port: this is no Sentinel")
	}
	addr, ok := joinAddr(list[0], list[1])
	if !ok {
		return "", fmt.Errorf("host %s, port %s is no address", clip(list[0]), clip(list[1]))
	}
	return addr, nil
}

// records returns an array of flat maps; of what is no such thing, nothing.
func records(r reply) (list []map[string]string) {
	for _, item := range r.items {
		if f, ok := item.fields(); ok {
			list = append(list, f)
		}
	}
	return list
}

func parseMember(f map[string]string) (member, bool) {
	addr, ok := joinAddr(f["ip"], f["port"])
	up := f["master-link-status"] == "ok"
	for flag := range strings.SplitSeq(f["flags"], ",") {
		switch flag {
		case "s_down", "o_down", "disconnected":
			up = false
		}
	}
	return member{addr, up}, ok
}

// joinAddr returns host and port as one address if both can be that, in the form by
// which addresses are compared.
func joinAddr(host, port string) (string, bool) {
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 || !isHost(host) {
		return "", false
	}
	return net.JoinHostPort(oneForm(host), strconv.FormatUint(n, 10)), true
}

// oneForm returns the one form of a host: names have no capitals, and IPv6 has
// many spellings.
func oneForm(host string) string {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.Unmap().String()
	}
	return strings.ToLower(host)
}

// role is what a server said to ROLE.
type role struct {
	name   string // "master", "slave" or "sentinel"
	synced bool   // of a replica: connected to its master, and not receiving a copy
}

func parseRole(r reply) (role, error) {
	if err := r.err(); err != nil {
		return role{}, err
	}
	if r.kind != array || len(r.items) == 0 || r.items[0].kind != bulk {
		return role{}, errors.New("the answer to ROLE is not of a Redis server")
	}
	switch name := r.items[0].text; name {
	case "master", "sentinel":
		return role{name: name}, nil
	case "slave":
		return role{name: name, synced: len(r.items) > 3 && r.items[3].text == "connected"}, nil
	default:
		return role{}, fmt.Errorf("ROLE says %s", clip(name))
	}
}

// switched reads the payload of +switch-master and reports whether it is about a
// master: "<name> <old ip> <old port> <new ip> <new port>".
func switched(payload, master string) bool {
	words := strings.Fields(payload)
	return len(words) == 5 && words[0] == master
}
