package monitor

import "testing"

// TestSwitchByAnother: of a master that another Sentinel tells of, it is not known yet
// which replicas it has, nor which histories it has left.
func TestSwitchByAnother(t *testing.T) {
	c := newCore(t, manyMasters(1))
	m := c.masters[0]
	if m.left.add(replidB); !m.hasListed || !m.left.has(replidB) {
		t.Fatal("its replicas and its history should be known")
	}
	c.adoptConfig(origin, m, &Hello{RunID: paddedID("p1"), MasterName: m.cfg.Name, MasterIP: "10.1.0.0", MasterPort: 6379, ConfigEpoch: 3})
	if m.configEpoch != 3 || m.hasListed || m.left.has(replidB) {
		t.Errorf("config epoch %d, replicas listed %t, history left %t", m.configEpoch, m.hasListed, m.left.has(replidB))
	}
}
