package netns

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

const (
	names    = "/run/netns" // where ip keeps the names of namespaces
	bridge   = "jepsen"
	prefix   = "10.77.0."
	maxHosts = 200
)

// Network is the bridge between hosts. Its methods are safe for concurrent use.
type Network struct {
	home *os.File // this process's own namespace

	mu     sync.Mutex
	hosts  []*Host
	relays map[*Host]*relay
	held   map[string]map[Pair]int // of each set of the filter: how many faults hold a pair
}

// New makes a network without hosts in the namespaces that [Enter] has made. There may
// be one in a process.
func New() (*Network, error) {
	if os.Getenv(insideEnv) == "" {
		return nil, fmt.Errorf("%w: the program is not in namespaces of its own: Enter comes first", ErrNotAllowed)
	}
	// Without this, a container may hand our mounts on to all other processes.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return nil, fmt.Errorf("%w: making mounts private: %w", ErrNotAllowed, err)
	}
	// Names of namespaces are files, which would be seen by all without a mount over them.
	err := os.MkdirAll(names, 0o755)
	if err == nil {
		err = unix.Mount("netns", names, "tmpfs", 0, "")
	}
	if err != nil {
		return nil, fmt.Errorf("%w: a mount over %s: %w", ErrNotAllowed, names, err)
	}
	if err := ip("", "link add "+bridge+" type bridge", "addr add "+prefix+"254/24 dev "+bridge, "link set "+bridge+" up"); err != nil {
		return nil, err
	}
	if err := nft(filter); err != nil {
		return nil, err
	}
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return nil, err
	}
	return &Network{home: home, relays: map[*Host]*relay{}, held: map[string]map[Pair]int{"cut": {}}}, nil
}

// filter drops what is cut. What passes the bridge is forwarded; what a relay in this
// namespace sends on is output.
const filter = `
table bridge jepsen {
	set cut { type ipv4_addr . ipv4_addr; counter; }
	chain forward { type filter hook forward priority 0; ip saddr . ip daddr @cut drop; }
	chain output { type filter hook output priority 0; ip saddr . ip daddr @cut drop; }
}
`

// namespace is that of a host.
type namespace struct {
	mu         *sync.RWMutex // held for reading by who is in there
	file, home *os.File      // file is nil after the end
}

// Add makes a host with the next free address.
func (n *Network) Add(name string) (*Host, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.hosts) == maxHosts {
		return nil, fmt.Errorf("there are %d hosts, and no more addresses", maxHosts)
	}
	port, addr := veth(len(n.hosts)), prefix+strconv.Itoa(len(n.hosts)+1)
	if err := ip("", "netns add "+name, "link add "+port+" type veth peer name eth0 netns "+name, "link set "+port+" master "+bridge+" up"); err != nil {
		return nil, err
	}
	if err := ip(name, "link set lo up", "addr add "+addr+"/24 dev eth0", "link set eth0 up"); err != nil {
		return nil, err
	}
	f, err := os.Open(filepath.Join(names, name))
	if err != nil {
		return nil, err
	}
	h := &Host{name: name, addr: addr, ns: namespace{&sync.RWMutex{}, f, n.home}}
	n.hosts = append(n.hosts, h)
	return h, nil
}

// veth is the name of the interface on the bridge that leads to a host.
func veth(host int) string { return "veth" + strconv.Itoa(host+1) }

// Close removes everything, so that another network can be made. Processes in the hosts
// must have ended.
func (n *Network) Close() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	lines := []string{"link del " + bridge}
	var errs []error
	for i, h := range n.hosts {
		_, err := n.release(h)
		errs = append(errs, err, h.leave())
		// A namespace lives on for a moment after its name, and would keep the interface.
		lines = append(lines, "link del "+veth(i), "netns del "+h.name)
	}
	errs = append(errs, n.home.Close(), ip("", lines...), nft("delete table bridge jepsen\n"), unix.Unmount(names, unix.MNT_DETACH))
	return errors.Join(errs...)
}

// leave waits until nobody is in the host, and lets nobody in any more.
func (h *Host) leave() error {
	h.ns.mu.Lock()
	defer h.ns.mu.Unlock()
	f := h.ns.file
	h.ns.file = nil
	return f.Close()
}

// Within runs do on a thread that is in the host's namespace. Sockets and processes that
// do makes belong there for as long as they live. After the end of the network it is an
// error: libraries dial in the background, and may do so then.
func (h *Host) Within(do func() error) error {
	h.ns.mu.RLock()
	defer h.ns.mu.RUnlock()
	if h.ns.file == nil {
		return fmt.Errorf("%v is there no more", h)
	}
	runtime.LockOSThread()
	if err := unix.Setns(int(h.ns.file.Fd()), unix.CLONE_NEWNET); err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("entering the namespace of %s: %w", h.name, err)
	}
	err := do()
	if home := unix.Setns(int(h.ns.home.Fd()), unix.CLONE_NEWNET); home != nil {
		// The thread stays locked and ends with this goroutine.
		return errors.Join(err, fmt.Errorf("leaving the namespace of %s: %w", h.name, home))
	}
	runtime.UnlockOSThread()
	return err
}

// Cut loses everything in the directions given, from now on. Cuts add up: each is
// undone by a Mend of its own.
func (n *Network) Cut(pairs ...Pair) error { return n.put("cut", "", pairs) }

// Probe sends a packet in each direction given, so that something is lost in those that
// are cut, also where nobody has anything to say.
func (n *Network) Probe(pairs ...Pair) error {
	for _, p := range pairs {
		err := p.From.Within(func() error {
			c, err := net.Dial("udp4", net.JoinHostPort(p.To.addr, discard))
			if err != nil {
				return err
			}
			_, err = c.Write([]byte("probe"))
			return errors.Join(err, c.Close())
		})
		if err != nil {
			return fmt.Errorf("probing from %v to %v: %w", p.From, p.To, err)
		}
	}
	return nil
}

// discard is a port where nobody listens.
const discard = "9"

// Mend undoes a Cut of the same directions, and returns how many packets were lost in
// them since the first one.
func (n *Network) Mend(pairs ...Pair) (lost int, err error) { return n.take("cut", pairs) }

// Thin loses a share of the packets in the directions given, in percent, at random.
func (n *Network) Thin(percent int, pairs ...Pair) error {
	set := thinned(percent)
	rules := fmt.Sprintf("add set bridge jepsen %s { type ipv4_addr . ipv4_addr; counter; }\n", set)
	for _, chain := range []string{"forward", "output"} {
		rules += fmt.Sprintf("add rule bridge jepsen %s numgen random mod 100 < %d ip saddr . ip daddr @%s drop\n", chain, percent, set)
	}
	return n.put(set, rules, pairs)
}

// Thicken undoes a Thin of the same share and directions, and returns how many packets
// were lost.
func (n *Network) Thicken(percent int, pairs ...Pair) (lost int, err error) {
	return n.take(thinned(percent), pairs)
}

func thinned(percent int) string { return "thin" + strconv.Itoa(percent) }

// put adds pairs to a set of the filter, which rules makes when it is new.
func (n *Network) put(set, rules string, pairs []Pair) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	held := n.held[set]
	if held != nil {
		rules = ""
	}
	var fresh []Pair
	for _, p := range pairs {
		if held[p] == 0 {
			fresh = append(fresh, p)
		}
	}
	if err := nft(rules + elements("add", set, fresh)); err != nil {
		return err
	}
	if held == nil {
		held = map[Pair]int{}
		n.held[set] = held
	}
	for _, p := range pairs {
		held[p]++
	}
	return nil
}

// take undoes a put, and returns the sum of the counters.
func (n *Network) take(set string, pairs []Pair) (lost int, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	lost, err = count(set, pairs)
	if err != nil {
		return 0, err
	}
	var last []Pair
	for _, p := range pairs {
		if n.held[set][p]--; n.held[set][p] == 0 {
			last = append(last, p)
		}
	}
	return lost, nft(elements("delete", set, last))
}

// count returns how many packets of these pairs a set has lost.
func count(set string, pairs []Pair) (lost int, err error) {
	out, err := exec.Command("nft", "list", "set", "bridge", "jepsen", set).CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("nft: %w: %s", err, out)
	}
	for _, p := range pairs {
		// As in "10.77.0.1 . 10.77.0.2 counter packets 3 bytes 180".
		_, rest, _ := strings.Cut(string(out), p.From.addr+" . "+p.To.addr+" counter packets ")
		number, _, _ := strings.Cut(rest, " ")
		packets, err := strconv.Atoi(number)
		if err != nil {
			return 0, fmt.Errorf("nft: no counter of %v to %v in %s", p.From, p.To, out)
		}
		lost += packets
	}
	return lost, nil
}

// elements returns the command that adds pairs to a set or deletes them.
func elements(verb, set string, pairs []Pair) string {
	var list []string
	for _, p := range pairs {
		list = append(list, p.From.addr+" . "+p.To.addr)
	}
	if len(list) == 0 {
		return ""
	}
	return fmt.Sprintf("%s element bridge jepsen %s { %s }\n", verb, set, strings.Join(list, ", "))
}

// ip runs commands of ip, in the namespace with that name, or in this one.
func ip(namespace string, lines ...string) error {
	args := []string{"-batch", "-"}
	if namespace != "" {
		args = append([]string{"-n", namespace}, args...)
	}
	return feed(strings.Join(lines, "\n")+"\n", "ip", args...)
}

// nft runs a script of the packet filter, all of it or nothing.
func nft(script string) error {
	if script == "" {
		return nil
	}
	return feed(script, "nft", "-f", "-")
}

func feed(stdin, program string, args ...string) error {
	cmd := exec.Command(program, args...)
	cmd.Stdin = strings.NewReader(stdin)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s\n%s", program, err, out, stdin)
	}
	return nil
}
