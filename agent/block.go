package agent

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
)

// Block keeps lines between two marks in a file that has other lines too: records in
// /etc/hosts (type "hosts"), or in a zone file of a name server (type "zone"), whose
// serial number is raised with each change.
type Block struct {
	Common
	FileSettings
	// MasterNames and ReplicaNames are the names that each group's servers get. {group} in
	// one stands for the name of the group. With neither, masters are called {group}.
	MasterNames  []string `toml:"master-names"`
	ReplicaNames []string `toml:"replica-names"`
	TTL          int      `toml:"ttl"` // zone: in seconds; 0 means 5
}

const defaultTTL = 5

func (b *Block) check(wrong problems, dir string) {
	b.FileSettings.check(wrong, dir)
	b.needFile(wrong)
	b.describe(b.File)
	if b.Type != "hosts" && b.Type != "zone" {
		wrong("type", `it is "hosts" or "zone"`, "a block of type %q", b.Type)
	}
	if len(b.MasterNames)+len(b.ReplicaNames) == 0 {
		b.MasterNames = []string{"{group}"}
	}
	if b.TTL < 0 || b.TTL > 1<<31-1 {
		wrong("ttl", "5 are enough for a name that moves", "ttl is %d seconds", b.TTL)
	}
	if b.TTL > 0 && b.Type == "hosts" {
		wrong("ttl", "leave it out", "%s has no ttl", b.File)
	}
	if b.TTL == 0 && b.Type == "zone" {
		b.TTL = defaultTTL
	}
	for _, n := range append(append([]string{}, b.MasterNames...), b.ReplicaNames...) {
		if n == "" || strings.ContainsFunc(n, func(r rune) bool { return r <= ' ' || r == ';' || r == '#' || r == 0x7f }) {
			wrong("master-names", `write it like "{group}-master"`, "%q is no host name", n)
		}
	}
}

func (b *Block) open(e *environment) []*job {
	return fileJob(&b.Common, b.FileSettings, b.render, fileWords{"Saving " + b.File, "Command has run with output: "}, e)
}

// The marks. In front of them stands the sign of a comment.
const (
	blockBegin = " BEGIN gosentinel (do not edit between these lines)"
	blockEnd   = " END gosentinel"
)

// render replaces the block, or appends it if the file has none.
func (b *Block) render(current []byte, s Snapshot) ([]byte, []string, error) {
	if b.Type == "zone" && current == nil {
		return nil, nil, fmt.Errorf("%s does not exist: a zone needs an SOA record, so it has to be there", b.File)
	}
	if len(s) > 0 && len(s.unknown()) == len(s) {
		return nil, nil, &waiting{s.unknown()}
	}
	sign := "#"
	if b.Type == "zone" {
		sign = ";"
	}
	before, old, after, err := cutBlock(current, sign+blockBegin, sign+blockEnd)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", b.File, err)
	}
	lines, err := b.lines(s, old)
	if err != nil {
		return nil, nil, err
	}
	block := sign + blockBegin + "\n" + strings.Join(lines, "") + sign + blockEnd + "\n"
	wanted := []byte(before + block + after)
	if b.Type == "zone" && !bytes.Equal(wanted, current) {
		if before, after, err = raiseSerial(before, after); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", b.File, err)
		}
		wanted = []byte(before + block + after)
	}
	return wanted, nil, nil
}

// cutBlock divides a text at the marks. Without marks the block is at the end.
func cutBlock(text []byte, begin, end string) (before string, old []string, after string, err error) {
	inside, seen := false, false
	var b, a strings.Builder
	for line := range strings.SplitAfterSeq(string(text), "\n") {
		switch bare := strings.TrimSpace(line); {
		case bare == begin && !seen:
			inside, seen = true, true
		case bare == begin:
			return "", nil, "", fmt.Errorf("there are two lines %q: remove one block", begin)
		case bare == end && inside:
			inside = false
		case inside:
			old = append(old, line)
		case seen:
			a.WriteString(line)
		default:
			b.WriteString(line)
		}
	}
	if inside {
		return "", nil, "", fmt.Errorf("the line %q is missing: restore it behind the block", end)
	}
	before = b.String()
	if !seen && before != "" && !strings.HasSuffix(before, "\n") {
		before += "\n"
	}
	return before, old, a.String(), nil
}

// lines are those of the block. A group without a master keeps the lines of before:
// each line ends in a comment with the name of its group.
func (b *Block) lines(s Snapshot, old []string) (lines []string, err error) {
	for _, g := range s {
		if !g.Known() {
			for _, l := range old {
				if strings.HasSuffix(strings.TrimSpace(l), b.comment(g.Name)) {
					lines = append(lines, l)
				}
			}
			continue
		}
		for _, one := range []struct {
			names   []string
			servers []Server
		}{{b.MasterNames, []Server{g.Master}}, {b.ReplicaNames, g.Replicas}} {
			for _, name := range one.names {
				name = strings.ReplaceAll(name, "{group}", g.Name)
				for _, server := range one.servers {
					line, err := b.line(name, server.Host, len(one.servers) > 1)
					if err != nil {
						return nil, fmt.Errorf("group %s: %w", g.Name, err)
					}
					lines = append(lines, line+b.comment(g.Name)+"\n")
				}
			}
		}
	}
	return lines, nil
}

func (b *Block) comment(group string) string {
	if b.Type == "zone" {
		return " ; " + group
	}
	return " # " + group
}

// line is a record. Where Sentinels tell names instead of addresses, a zone gets an
// alias, which is the only record that a name can have; /etc/hosts can have none.
func (b *Block) line(name, host string, several bool) (string, error) {
	addr, err := netip.ParseAddr(host)
	addr = addr.Unmap()
	switch {
	case err != nil && (b.Type == "hosts" || several):
		return "", fmt.Errorf("%s is a name, and %s needs addresses: set \"sentinel announce-hostnames no\"", host, b.File)
	case b.Type == "hosts":
		return addr.String() + " " + name, nil
	case err != nil:
		return fmt.Sprintf("%s %d IN CNAME %s.", name, b.TTL, strings.TrimSuffix(host, ".")), nil
	case addr.Is4():
		return fmt.Sprintf("%s %d IN A %s", name, b.TTL, addr), nil
	}
	return fmt.Sprintf("%s %d IN AAAA %s", name, b.TTL, addr.WithZone("")), nil
}
