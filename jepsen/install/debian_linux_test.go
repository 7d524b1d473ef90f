package install

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// needsMachines skips what is long, or cannot be done here.
func needsMachines(t *testing.T) {
	t.Helper()
	if !*long {
		t.Skip("needs -long (make install-test): boots machines from Debian's archive")
	}
	if os.Getuid() != 0 {
		t.Skip("needs root: boots machines")
	}
	for _, program := range []string{"debootstrap", "systemd-nspawn", "ip", "nsenter"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Fatalf("needs %s: %v", program, err)
		}
	}
}

// TestDebian does what docs/install.md says, on three machines: it installs the
// package, edits one line, starts the service, fails over, upgrades, removes.
func TestDebian(t *testing.T) {
	needsMachines(t)
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Minute)
	t.Cleanup(cancel)
	first, second := dist(t, "deb", "1.0.0-rc.1"), dist(t, "deb", "1.0.0")
	bridge := network(t)
	var all []*machine
	for k := range 3 {
		m := boot(t, ctx, bridge, k+1)
		m.copy(first, "var/tmp/first.deb")
		m.copy(second, "var/tmp/second.deb")
		all = append(all, m)
	}
	servers(all)
	for _, m := range all {
		m.installs()
		m.starts(all[0].addr)
	}
	for _, m := range all {
		m.knows(all[0].addr, 2, 2)
		m.isConfined()
		m.isHealthy()
	}
	all[0].run("systemctl stop redis-server")
	master := all[1].newMaster(all[0].addr)
	for _, m := range all {
		m.knows(master, 2, 2)
	}
	all[0].run("systemctl start redis-server")
	for _, m := range all {
		m.knows(master, 2, 2)
		m.isHealthy()
		m.shows(master)
	}
	all[0].reloads()
	all[0].isRestartedWhenStuck()
	for _, m := range all {
		m.upgrades(master)
	}
	all[2].runsScripts()
	all[2].saysWhatIsWrong()
	all[2].isRemoved(master)
}

func (m *machine) copy(from, to string) {
	m.Helper()
	text, err := os.ReadFile(from)
	if err != nil {
		m.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(m.root, to), text, 0o644); err != nil {
		m.Fatal(err)
	}
}

// servers makes the first machine's server the master of the others'.
func servers(all []*machine) {
	for _, m := range all[1:] {
		m.run("redis-cli replicaof " + all[0].addr + " 6379")
	}
	for _, m := range all[1:] {
		m.wait("its server to be a replica", func() (string, bool) {
			out, err := m.try("redis-cli info replication")
			return out, err == nil && strings.Contains(out, "master_link_status:up")
		})
	}
}

// installs checks what an installation leaves, before anything is configured.
func (m *machine) installs() {
	m.Helper()
	m.wants("apt-get install -y /var/tmp/first.deb 2>&1", "name your master in /etc/gosentinel/sentinel.conf")
	m.wants("gosentinel --version", "gosentinel v=1.0.0-rc.1 ")
	m.wants("stat -c '%a %U %G' /etc/gosentinel/sentinel.conf", "640 root gosentinel")
	m.wants("stat -c '%a %U %G' /var/lib/gosentinel", "750 gosentinel gosentinel")
	m.wants("systemctl is-active gosentinel", "inactive")
	m.wants("systemctl is-enabled gosentinel", "disabled")
	m.wants("gosentinel --check-config /etc/gosentinel/sentinel.conf", ": OK")
	m.run("test -s /usr/share/man/man1/gosentinel.1.gz && bash -n /usr/share/bash-completion/completions/gosentinel")
	m.run("dpkg --audit && dpkg --verify gosentinel")
}

// starts edits one line and starts the service.
func (m *machine) starts(master string) {
	m.Helper()
	m.run("sed -i 's/^#sentinel monitor mymaster 192.0.2.1 6379 2/sentinel monitor mymaster " + master + " 6379 2/' /etc/gosentinel/sentinel.conf")
	// A test does not wait for half a minute.
	m.run("sed -i 's/^#sentinel down-after-milliseconds mymaster 5000/sentinel down-after-milliseconds mymaster 1000/' /etc/gosentinel/sentinel.conf")
	m.run("echo 'http-port 9121\nhttp-bind *\nhttp-password secret' >> /etc/gosentinel/sentinel.conf")
	m.run("systemctl enable --now gosentinel")
	m.wants("systemctl is-active gosentinel", "active")
	m.wants("systemctl show -p StatusText gosentinel", "Ready to accept connections")
	m.wants("redis-cli -p 26379 info sentinel", "name=mymaster,status=ok,address="+master+":6379")
}

// knows waits until a Sentinel knows the master, its replicas and the others.
func (m *machine) knows(master string, replicas, sentinels int) {
	m.Helper()
	m.wait("to know all", func() (string, bool) {
		out, err := m.try("redis-cli -p 26379 info sentinel")
		return out, err == nil && strings.Contains(out, fmt.Sprintf("address=%s:6379,slaves=%d,sentinels=%d", master, replicas, sentinels+1))
	})
}

func (m *machine) newMaster(old string) string {
	m.Helper()
	var now string
	m.wait("a new master", func() (string, bool) {
		out, err := m.try("redis-cli -p 26379 sentinel get-master-addr-by-name mymaster")
		now = strings.TrimSpace(strings.Split(out, "\n")[0])
		return out, err == nil && strings.HasPrefix(now, subnet) && now != old
	})
	return now
}

// pid is the daemon's process id, as the machine sees it.
func (m *machine) pid() string {
	m.Helper()
	return strings.TrimSpace(m.run("systemctl show -p MainPID --value gosentinel"))
}

// isConfined checks that the daemon is what the unit says, and can write nowhere but to
// its directory.
func (m *machine) isConfined() {
	m.Helper()
	status := "/proc/" + m.pid() + "/status"
	for _, want := range []string{"Seccomp:\t2", "NoNewPrivs:\t1", "CapBnd:\t0000000000000000", "CapEff:\t0000000000000000"} {
		m.wants("cat "+status, want)
	}
	m.wants("stat -c %U /proc/"+m.pid(), "gosentinel")
	m.run(`awk '$2 == "/" && $4 ~ /^ro,/ && $4 ~ /noexec/ {n++} $2 == "/usr/bin/gosentinel" && $4 !~ /noexec/ {n++}
		$2 == "/var/lib/gosentinel" && $4 ~ /^rw,/ && $4 ~ /noexec/ {n++} END {exit n != 3}' /proc/` + m.pid() + `/mounts`)
	m.wants("nsenter -m -t "+m.pid()+" true 2>&1; true", "Permission denied")
	m.wants("find /etc /usr /var -user gosentinel -not -path '/proc/*'", "/var/lib/gosentinel")
	m.wants("ls /var/lib/gosentinel", "state.conf")
	m.run("systemd-analyze security --threshold=20 gosentinel > /tmp/security || { cat /tmp/security; exit 1; }")
}

// isHealthy asks the doctor, who may have nothing against it that needs mending.
func (m *machine) isHealthy() {
	m.Helper()
	m.wait("the doctor to be content", func() (string, bool) {
		out, err := m.try("gosentinel doctor /etc/gosentinel/sentinel.conf 127.0.0.1:26379")
		return out, err == nil
	})
}

// shows looks at the status page from another machine.
func (m *machine) shows(master string) {
	m.Helper()
	m.wait("the page to show "+master, func() (string, bool) {
		ask, err := http.NewRequestWithContext(m.ctx, http.MethodGet, "http://"+m.addr+":9121/", nil)
		if err != nil {
			return err.Error(), false
		}
		ask.SetBasicAuth("anybody", "secret")
		var client http.Client
		defer client.CloseIdleConnections()
		reply, err := client.Do(ask)
		if err != nil {
			return err.Error(), false
		}
		defer reply.Body.Close()
		text, err := io.ReadAll(reply.Body)
		return string(text), err == nil && reply.StatusCode == http.StatusOK && strings.Contains(string(text), master)
	})
}

func (m *machine) reloads() {
	m.Helper()
	before := m.pid()
	m.run("systemctl reload gosentinel")
	m.wants("systemctl is-active gosentinel", "active")
	if now := m.pid(); now != before {
		m.Errorf("a reload replaced process %s by %s", before, now)
	}
}

// isRestartedWhenStuck stops the daemon as a fault would: the watchdog replaces it, and
// it is the same Sentinel as before.
func (m *machine) isRestartedWhenStuck() {
	m.Helper()
	id, before := m.run("redis-cli -p 26379 sentinel myid"), m.pid()
	m.run("kill -STOP " + before)
	m.wait("the watchdog", func() (string, bool) {
		out, err := m.try("redis-cli -p 26379 sentinel myid")
		return out, err == nil && out == id && m.pid() != before
	})
	m.wants("journalctl --no-pager -u gosentinel", "Watchdog timeout")
}

// upgrades installs the second package: the running daemon is replaced by the new one,
// with the same identity and state; no question is asked about the edited file.
func (m *machine) upgrades(master string) {
	m.Helper()
	id := m.run("redis-cli -p 26379 sentinel myid")
	file := m.run("sha256sum /etc/gosentinel/sentinel.conf; stat -c '%a %U %G' /etc/gosentinel/sentinel.conf")
	m.run("apt-get install -y /var/tmp/second.deb < /dev/null")
	m.wants("gosentinel --version", "gosentinel v=1.0.0 ")
	m.wait("the new version", func() (string, bool) {
		out, err := m.try("redis-cli -p 26379 info server")
		return out, err == nil && strings.Contains(out, "gosentinel_version:1.0.0\r")
	})
	if now := m.run("redis-cli -p 26379 sentinel myid"); now != id {
		m.Errorf("the id %s became %s", id, now)
	}
	if now := m.run("sha256sum /etc/gosentinel/sentinel.conf; stat -c '%a %U %G' /etc/gosentinel/sentinel.conf"); now != file {
		m.Errorf("the file %s became %s", file, now)
	}
	m.knows(master, 2, 2)
}

// runsScripts: a script needs what the unit says in its last lines.
func (m *machine) runsScripts() {
	m.Helper()
	m.write("etc/gosentinel/notify.sh", "#!/bin/sh\necho \"$1\" >> /var/lib/gosentinel/told\n")
	m.run("chmod 755 /etc/gosentinel/notify.sh && mkdir -p /etc/systemd/system/gosentinel.service.d")
	m.run("echo 'sentinel notification-script mymaster /etc/gosentinel/notify.sh' >> /etc/gosentinel/sentinel.conf")
	unit := m.run("cat /usr/lib/systemd/system/gosentinel.service")
	var paths string
	for line := range strings.Lines(unit) {
		if rest, ok := strings.CutPrefix(line, "#   ExecPaths="); ok {
			paths = "ExecPaths=" + rest
		}
	}
	m.write("etc/systemd/system/gosentinel.service.d/scripts.conf", "[Service]\n"+paths)
	m.run("systemctl daemon-reload && systemctl restart gosentinel")
	m.run("redis-cli -p 26379 sentinel set mymaster down-after-milliseconds 1001")
	m.run("redis-cli -p 26379 sentinel monitor nobody " + subnet + "99 6379 2")
	m.run("redis-cli -p 26379 sentinel set nobody down-after-milliseconds 500 notification-script /etc/gosentinel/notify.sh || redis-cli -p 26379 sentinel set nobody down-after-milliseconds 500")
	m.wait("the script to have run", func() (string, bool) {
		out, err := m.try("cat /var/lib/gosentinel/told")
		return out, err == nil && len(out) > 0
	})
	m.run("redis-cli -p 26379 sentinel remove nobody")
}

// saysWhatIsWrong: a mistake in the file, a port that is taken and a directory that
// cannot be written to are in the journal in words, and mended without more ado.
func (m *machine) saysWhatIsWrong() {
	m.Helper()
	for _, fault := range []struct{ do, undo, want string }{
		{"sed -i 's/^port 26379/prot 26379/' /etc/gosentinel/sentinel.conf", "sed -i 's/^prot 26379/port 26379/' /etc/gosentinel/sentinel.conf", "prot"},
		{"systemd-run -q --unit=other redis-server --port 26379", "systemctl stop other", "ddress already in use"},
		{"chmod 000 /etc/gosentinel/sentinel.conf", "chmod 640 /etc/gosentinel/sentinel.conf", "ermission denied"},
	} {
		m.run("systemctl stop gosentinel; journalctl -q --rotate --vacuum-time=1s; " + fault.do)
		m.try("timeout 10 systemctl start gosentinel")
		m.wait("the journal to say "+fault.want, func() (string, bool) {
			out, err := m.try("journalctl --no-pager -u gosentinel --since=-1min")
			return out, err == nil && strings.Contains(out, fault.want)
		})
		m.run(fault.undo)
		m.wait("the service to run again", func() (string, bool) {
			out, err := m.try("redis-cli -p 26379 ping")
			return out, err == nil && strings.Contains(out, "PONG")
		})
	}
}

// isRemoved removes the package, installs it again, and purges it.
func (m *machine) isRemoved(master string) {
	m.Helper()
	id := m.run("redis-cli -p 26379 sentinel myid")
	m.run("apt-get remove -y gosentinel")
	m.wants("systemctl is-active gosentinel", "inactive")
	m.wants("ls /var/lib/gosentinel /etc/gosentinel", "state.conf")
	m.run("test ! -e /usr/bin/gosentinel && test ! -e /usr/lib/systemd/system/gosentinel.service")
	m.run("apt-get install -y /var/tmp/second.deb && systemctl start gosentinel")
	if now := m.run("redis-cli -p 26379 sentinel myid"); now != id {
		m.Errorf("the id %s became %s", id, now)
	}
	m.knows(master, 2, 2)
	m.run("apt-get purge -y gosentinel")
	m.wants("ls -d /var/lib/gosentinel 2>&1; true", "No such file")
	m.wants("ls /etc/gosentinel 2>&1; true", "notify.sh") // not the package's
	m.wants("ls /etc/gosentinel/sentinel.conf 2>&1; true", "No such file")
	m.wants("ls /etc/systemd/system/multi-user.target.wants/", "redis-server")
	m.run("! ls /etc/systemd/system/multi-user.target.wants/ | grep -q gosentinel && dpkg --audit && systemctl is-active redis-server")
}
