package fleet

import (
	"fmt"
	"net/netip"
)

// Layout says which servers there are.
type Layout struct {
	Masters  int
	Replicas int // of each master
	Doomed   int // of the masters: the first ones
	First    int // number of the first master, among those of all processes
}

// server is one fake.
type server struct {
	master int // its number
	nth    int // 0: the master as configured; else the replica
}

// Masters are numbered over all processes, so that addresses are never used twice.
const (
	masterNet = 64 // 127.64.0.0 and on
	netSize   = 1 << 16
)

// Host returns the address of a server: of a master for nth 0, else of its nth replica.
func Host(master, nth int) string {
	n := nth*4 + master/netSize
	return fmt.Sprintf("127.%d.%d.%d", masterNet+n, master%netSize/256, master%256)
}

// serverAt returns which server has an address.
func serverAt(ip netip.Addr) (server, bool) {
	b := ip.Unmap().As4()
	n := int(b[1]) - masterNet
	if b[0] != 127 || n < 0 {
		return server{}, false
	}
	return server{master: n%4*netSize + int(b[2])*256 + int(b[3]), nth: n / 4}, true
}
