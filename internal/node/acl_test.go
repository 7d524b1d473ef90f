package node

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gosentinel/sentinel/internal/resptest"
)

// configured is a Sentinel with a configuration file, reached over a Unix socket.
type configured struct {
	t    *testing.T
	dir  string
	path string // of the configuration
	stop func()
}

// configure writes files into a new directory. The first one is the
// configuration. DIR in a text stands for that directory.
func configure(t *testing.T, files ...string) *configured {
	t.Helper()
	dir, err := os.MkdirTemp("", "acl") // t.TempDir's path is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	c := &configured{t: t, dir: dir, path: filepath.Join(dir, files[0])}
	for i := 0; i < len(files); i += 2 {
		c.write(files[i], files[i+1])
	}
	return c
}

func (c *configured) write(name, text string) {
	c.t.Helper()
	if err := os.WriteFile(filepath.Join(c.dir, name), []byte(strings.ReplaceAll(text, "DIR", c.dir)), 0o600); err != nil {
		c.t.Fatal(err)
	}
}

func (c *configured) read(name string) string {
	c.t.Helper()
	text, err := os.ReadFile(filepath.Join(c.dir, name))
	if err != nil {
		c.t.Fatal(err)
	}
	return string(text)
}

// start starts the Sentinel, or restarts it if it is running, and returns a
// connection.
func (c *configured) start(overrides ...string) *resptest.Conn {
	c.t.Helper()
	if c.stop != nil {
		c.stop()
	}
	s, err := Open(c.path, Process{}, overrides...)
	if err != nil {
		c.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- s.Run(ctx) }()
	c.stop = func() {
		cancel()
		if err := <-ran; err != nil {
			c.t.Error(err)
		}
		c.stop = nil
	}
	c.t.Cleanup(func() {
		if c.stop != nil {
			c.stop()
		}
	})
	resptest.Eventually(c.t, "the Sentinel listens", func() bool { return s.Addr() != nil })
	return c.dial()
}

func (c *configured) dial() *resptest.Conn {
	c.t.Helper()
	return resptest.Dial(c.t, "unix", filepath.Join(c.dir, "s"))
}

const (
	aclConf = "port 0\nunixsocket DIR/s\nlogfile log\ndir DIR\n"
	aclTOML = "[server]\nport = 0\nunixsocket = \"DIR/s\"\nlogfile = \"log\"\ndir = \"DIR\"\n"
)

// TestUsersSurvive: users and the log level changed at run time survive a
// restart, in every form of configuration.
func TestUsersSurvive(t *testing.T) {
	for name, c := range map[string]*configured{
		"conf":       configure(t, "s.conf", aclConf+"user bob on >pw +ping\nuser eve on\nrequirepass secret\n"),
		"toml":       configure(t, "s.toml", aclTOML+"user = [\"bob on >pw +ping\", \"eve on\"]\nrequirepass = \"secret\"\n"),
		"state file": configure(t, "s.conf", aclConf+"user bob on >pw +ping\nuser eve on\nrequirepass secret\nstate-file state\n"),
	} {
		t.Run(name, func(t *testing.T) {
			c.t = t
			admin := c.start()
			admin.Do("AUTH secret")
			before := admin.Do("ACL LIST")
			admin = c.start()
			admin.Do("AUTH secret")
			if got := admin.Do("ACL LIST"); got != before {
				t.Errorf("after a start without changes\n got %s\nwant %s", got, before)
			}
			for _, cmd := range []string{
				"ACL SETUSER bob +info", "ACL DELUSER eve", `ACL SETUSER new on nopass "&it's" (+role "\"&b\\\"\")"`, "ACL SETUSER default >second <secret",
				"SENTINEL CONFIG SET loglevel warning",
			} {
				if got := admin.Do(cmd); strings.HasPrefix(got, "-") {
					t.Fatalf("%s: %s", cmd, got)
				}
			}
			want := admin.Do("ACL LIST")
			admin = c.start()
			if got := admin.Do("AUTH secret"); !strings.HasPrefix(got, "-WRONGPASS") {
				t.Errorf("the old password: %s", got)
			}
			admin.Do("AUTH second")
			if got := admin.Do("ACL LIST"); got != want || !strings.Contains(got, "user new ") || strings.Contains(got, "user eve ") {
				t.Errorf("after the start\n got %s\nwant %s", got, want)
			}
			if got := admin.Do("SENTINEL CONFIG GET loglevel"); got != "*2\n$8\nloglevel\n$7\nwarning\n" {
				t.Errorf("log level %q", got)
			}
		})
	}
}

// TestSavedUsersLoadInStock: redis-sentinel loads a file in which we saved users,
// and understands the same by it.
func TestSavedUsersLoadInStock(t *testing.T) {
	c := configure(t, "s.conf", aclConf+"user bob on >pw +ping\n")
	admin := c.start()
	for _, cmd := range []string{`ACL SETUSER new on nopass "&it's" (+role "\"&b\\\"\")"`, "ACL SETUSER bob -ping +@fast -role", "SENTINEL FLUSHCONFIG"} {
		if got := admin.Do(cmd); got != "+OK\n" {
			t.Fatalf("%s: %s", cmd, got)
		}
	}
	c.stop()
	text := c.read("s.conf")
	for _, want := range []string{"\nuser default on nopass ~* &* +@all\n", "\nuser bob on sanitize-payload #", "\nuser new on nopass sanitize-payload resetchannels \"&it's\" -@all "} {
		if !strings.Contains(text, want) {
			t.Errorf("the file lacks %q:\n%s", want, text)
		}
	}
	c.runStock()
	stock := c.dial()
	for cmd, want := range map[string]string{
		"ACL USERS": "*3\n$3\nbob\n$7\ndefault\n$3\nnew\n", "ACL DRYRUN bob ping": "+OK\n", "ACL DRYRUN new role": "+OK\n", "ACL DRYRUN bob role": "$54\nThis user has no permissions to run the 'role' command\n",
	} {
		if got := stock.Do(cmd); got != want {
			t.Errorf("stock: %s: %q, want %q", cmd, got, want)
		}
	}
}

// TestRequirePassStaysInCharge: as long as the default user was not changed at
// run time, editing requirepass in the file takes effect, even after a save.
func TestRequirePassStaysInCharge(t *testing.T) {
	for name, edit := range map[string][2]string{"s.conf": {aclConf + "requirepass one\n", "requirepass one\x00requirepass two"}, "s.toml": {aclTOML + "requirepass = \"one\"\n", "requirepass = \"one\"\x00requirepass = \"two\""}} {
		c := configure(t, name, edit[0])
		admin := c.start()
		admin.Do("AUTH one")
		admin.Do("ACL SETUSER bob on")
		if got := admin.Do("SENTINEL FLUSHCONFIG"); got != "+OK\n" {
			t.Fatal(got)
		}
		c.stop()
		text := c.read(name)
		if strings.Contains(text, "user default") || strings.Contains(text, `name = "default"`) {
			t.Errorf("the default user got a line:\n%s", text)
		}
		old, now, _ := strings.Cut(edit[1], "\x00")
		c.write(name, strings.Replace(text, old, now, 1))
		admin = c.start()
		if got := admin.Do("AUTH two"); got != "+OK\n" {
			t.Errorf("%s: the new password: %s", name, got)
		}
		if got := admin.Do("ACL USERS"); !strings.Contains(got, "bob") {
			t.Errorf("%s: users: %s", name, got)
		}
	}
}

// TestACLFile: users are loaded from a file, changed, saved and loaded again.
func TestACLFile(t *testing.T) {
	c := configure(t, "s.conf", aclConf+"aclfile users.acl\n", "users.acl", "user default on nopass ~* &* +@all\nuser bob on >pw +ping\n")
	if err := os.Chmod(filepath.Join(c.dir, "users.acl"), 0o640); err != nil {
		t.Fatal(err)
	}
	admin := c.start()
	for _, cmd := range []string{"ACL SETUSER eve on nopass +role", "ACL SAVE", "SENTINEL FLUSHCONFIG"} {
		if got := admin.Do(cmd); got != "+OK\n" {
			t.Fatalf("%s: %s", cmd, got)
		}
	}
	if text := c.read("s.conf"); strings.Contains(text, "\nuser ") {
		t.Errorf("users in the configuration:\n%s", text)
	}
	if text := c.read("users.acl"); !strings.Contains(text, "user eve on nopass") || !strings.Contains(text, "user bob on") {
		t.Errorf("the ACL file is\n%s", text)
	}
	if info, err := os.Stat(filepath.Join(c.dir, "users.acl")); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	want := admin.Do("ACL LIST")
	admin = c.start()
	if got := admin.Do("ACL LIST"); got != want {
		t.Errorf("after a start\n got %s\nwant %s", got, want)
	}
	// The file cannot be replaced: a directory has its name.
	if err := os.Rename(filepath.Join(c.dir, "users.acl"), filepath.Join(c.dir, "moved")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(c.dir, "users.acl"), 0o700); err != nil {
		t.Fatal(err)
	}
	if got := admin.Do("ACL SAVE"); got != "-ERR There was an error trying to save the ACLs. Please check the server logs for more information\n" {
		t.Errorf("ACL SAVE: %s", got)
	}
	if got := admin.Do("ACL LOAD"); !strings.HasPrefix(got, "-ERR Error loading ACLs, opening file 'users.acl': ") {
		t.Errorf("ACL LOAD: %s", got)
	}
	if got := admin.Do("ACL LIST"); got != want {
		t.Errorf("a failed load changed the users: %s", got)
	}
	c.stop()
	if log := c.read("log"); !strings.Contains(log, "# The ACL file users.acl cannot be saved: ") {
		t.Errorf("the log is\n%s", log)
	}
}

// TestOpenJudgesUsers: a mistake in the users prevents the start and is reported
// with its file and line.
func TestOpenJudgesUsers(t *testing.T) {
	for _, c := range []struct {
		files []string
		want  []string
	}{
		{[]string{"s.conf", aclConf + "user bob on +get\nuser bob on >secretword <other\n"}, []string{
			"s.conf:5: Error loading ACL rule '+get' for the user named 'bob': Unknown command or category name in ACL",
			"s.conf:6: Error in user declaration '<***': The password you are trying to remove from the user does not exist"}},
		{[]string{"s.conf", aclConf + "user bob on\nuser bob off\n"}, []string{"s.conf:6: Error in user declaration 'bob': Duplicate user found."}},
		{[]string{"s.toml", aclTOML + "user = [\"bob on +get\"]\n"}, []string{"s.toml:6: Error loading ACL rule '+get'"}},
		{[]string{"s.conf", aclConf + "user bob on\naclfile users.acl\n", "users.acl", ""}, []string{"s.conf:5: Users are declared here although aclfile names a file"}},
		{[]string{"s.conf", aclConf + "aclfile users.acl\n"}, []string{"Error loading ACLs, opening file 'users.acl': No such file or directory"}},
		{[]string{"s.conf", aclConf + "aclfile users.acl\n", "users.acl", "user bob +get\n\nuser bob\nfoo\n"}, []string{
			"users.acl:1: Error in applying operation '+get'", "users.acl:3: Duplicate user 'bob' found", "users.acl:4: should start with user keyword"}},
		{[]string{"s.conf", aclConf + "aclfile users.acl\n", "users.acl", strings.Repeat("foo\n", 1000)}, []string{"users.acl: and 980 more problems"}},
		{[]string{"s.conf", aclConf + "acl-pubsub-default allchannels\nuser bob on &x\n"}, []string{"s.conf:6: Error in user declaration '&x': Adding a pattern after the * pattern"}},
	} {
		conf := configure(t, c.files...)
		_, err := Open(conf.path, Process{})
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%q:\n got %v\nwant %s", c.files[1], err, want)
			}
		}
		if err != nil && strings.Contains(err.Error(), "secretword") {
			t.Errorf("a password is shown: %v", err)
		}
	}
}

// TestACLWarnings: what is legal but hardly intended is reported at the start.
func TestACLWarnings(t *testing.T) {
	for _, c := range []struct {
		files []string
		want  string // "" = none
	}{
		{[]string{"s.conf", aclConf + "requirepass x\n"}, ""},
		{[]string{"s.conf", aclConf + "requirepass x\nuser default on >x >y ~* &* +@all\n"}, ""},
		{[]string{"s.conf", aclConf + "requirepass x\n" + "# Generated by CONFIG REWRITE\nuser default on nopass ~* &* +@all\n"}, ""},
		{[]string{"s.conf", aclConf + "requirepass x\nuser default on >y ~* &* +@all\n"}, "and has other passwords"},
		{[]string{"s.conf", aclConf + "requirepass x\nuser default on nopass ~* &* +@all\n"}, "and needs no password"},
		{[]string{"s.conf", aclConf + "requirepass x\naclfile users.acl\n", "users.acl", ""}, "and needs no password"},
	} {
		s, err := Open(configure(t, c.files...).path, Process{})
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(s.Warnings(), "\n"); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%q: warnings %q, want %q", c.files[1], got, c.want)
		}
	}
	c := configure(t, "s.conf", aclConf+"user bob >pw\n")
	c.start()
	c.stop()
	if log := c.read("log"); !strings.Contains(log, "* The user 'bob' is disabled (there is no 'on' modifier in the user description).") {
		t.Errorf("the log is\n%s", log)
	}
}

// runStock runs redis-sentinel on the files until the test ends.
func (c *configured) runStock() {
	c.t.Helper()
	cmd := exec.Command("redis-server", c.path, "--sentinel")
	if err := cmd.Start(); err != nil {
		c.t.Fatalf("a stock redis-server is needed to compare with: %v", err)
	}
	c.t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	resptest.Eventually(c.t, "the stock Sentinel listens", func() bool {
		nc, err := net.Dial("unix", filepath.Join(c.dir, "s"))
		if err == nil {
			nc.Close()
		}
		return err == nil
	})
}

// TestAdviceIsLogged: what --check-config advises is in the log of the start, too.
func TestAdviceIsLogged(t *testing.T) {
	c := configure(t, "s.conf", aclConf+"sentinel monitor m 127.0.0.1 1 1\nsentinel failover-timeout m 5000\n")
	s, err := Open(c.path, Process{})
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Warnings()) != 2 {
		t.Fatalf("warnings %q", s.Warnings())
	}
	c.start()
	c.stop()
	for _, w := range s.Warnings() {
		if log := c.read("log"); !strings.Contains(log, "# "+w+"\n") {
			t.Errorf("no %q in\n%s", w, log)
		}
	}
}
