package server

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/gosentinel/sentinel/configrewrite"
	"github.com/gosentinel/sentinel/internal/acl"
)

// TestImpliedDefaultUser: configrewrite's idea of the default user that
// requirepass implies is correct.
func TestImpliedDefaultUser(t *testing.T) {
	for _, pass := range []string{"", "x", "p w"} {
		set := configrewrite.DefaultSettings()
		set.RequirePass = pass
		list := newUsers(set)
		text := strings.TrimPrefix(list.Lines()[0], "user ")
		again := newUsers(configrewrite.DefaultSettings())
		if err := declare(again, text); err != nil || again.Lines()[0] != list.Lines()[0] {
			t.Errorf("%q: %s, %v", pass, text, err)
		}
		normal, problems := CheckUsers(configrewrite.Settings{Users: []string{text}})
		if problems[0] != nil || normal[0] != text {
			t.Errorf("%q: the normal form of %q is %q, %v", pass, text, normal, problems)
		}
	}
	if !newUsers(configrewrite.DefaultSettings()).Default().Unlimited() || acl.DefaultUser != "default" {
		t.Error("the default user is not what it is called")
	}
}

// TestHangingDiskHoldsNobody: on a disk that hangs, ACL SAVE and ACL LOAD fail
// within a bounded time, delay only their own client, and have no effect when the
// disk returns. Saves stay in order.
func TestHangingDiskHoldsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		users := newUsers(configrewrite.DefaultSettings())
		f := NewACLFile("users.acl", "/dead/users.acl", users)
		answer := make(chan struct{})
		var written []string
		f.read = func(string) ([]byte, error) { <-answer; return []byte("user late on nopass\n"), nil }
		f.replace = func(_ string, text []byte, _ fs.FileMode) error {
			<-answer
			written = append(written, string(text))
			return nil
		}
		errs := make(chan error, 4)
		go func() { _, err := f.load(); errs <- err }()
		synctest.Wait()
		for range 3 {
			go func() { errs <- f.save() }()
		}
		for range 4 { // in a synctest bubble, waiting forever is a failure
			if err := <-errs; !errors.Is(err, errDiskHangs) {
				t.Errorf("%v, want %v", err, errDiskHangs)
			}
		}
		close(answer)
		synctest.Wait()
		if _, ok := users.User("late"); ok || len(written) != 0 {
			t.Errorf("the disk came back, and what nobody waited for took effect: %q", written)
		}
		if err := f.save(); err != nil || len(written) != 1 {
			t.Errorf("the next save: %v, %q", err, written)
		}
		if _, err := f.load(); err != nil {
			t.Errorf("the next load: %v", err)
		}
		if _, ok := users.User("late"); !ok {
			t.Error("the next load had no effect")
		}
	})
}

// TestDocumentedUsers tries the users that docs/operations.md recommends: they
// can be declared, may do what they are meant for, and can change nothing.
func TestDocumentedUsers(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	allowed := map[string][]string{
		"peer": {"PING", "PUBLISH __sentinel__:hello x", "CLIENT SETNAME x", "SENTINEL IS-MASTER-DOWN-BY-ADDR 127.0.0.1 1 0 *"},
		"app": {"PING", "INFO", "SUBSCRIBE +switch-master", "PSUBSCRIBE *", "SENTINEL GET-MASTER-ADDR-BY-NAME m", "SENTINEL MASTERS", "SENTINEL SLAVES m",
			"SENTINEL SENTINELS m", "CLIENT SETNAME x", "CLIENT SETINFO lib-name x"},
	}
	forbidden := []string{"SHUTDOWN", "SENTINEL SET m quorum 1", "SENTINEL REMOVE m", "SENTINEL FAILOVER m", "SENTINEL CONFIG SET sentinel-pass x",
		"ACL SETUSER x", "CLIENT KILL TYPE normal", "CLIENT PAUSE 1", "ROLE", "SENTINEL CONFIG GET sentinel-pass"}
	found := 0
	users, table := newUsers(configrewrite.DefaultSettings()), serverCommands()
	for line := range strings.Lines(string(text)) {
		rules, isUser := strings.CutPrefix(strings.TrimSpace(line), "user ")
		if !isUser {
			continue
		}
		found++
		if err := declare(users, rules); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		name, _, _ := strings.Cut(rules, " ")
		u, _ := users.User(name)
		may := func(request string) bool {
			var args [][]byte
			for word := range strings.FieldsSeq(request) {
				args = append(args, []byte(word))
			}
			cmd, ok := table.lookup(args)
			if !ok {
				t.Fatalf("%s is unknown", request)
			}
			return !users.Check(u, cmd.name, args).Denied()
		}
		for _, request := range allowed[name] {
			if !may(request) {
				t.Errorf("%s may not %s", name, request)
			}
		}
		for _, request := range forbidden {
			if may(request) {
				t.Errorf("%s may %s", name, request)
			}
		}
	}
	if found != len(allowed) {
		t.Errorf("%d users in the document, want %d", found, len(allowed))
	}
}
