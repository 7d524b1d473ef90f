package configrewrite_test

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/gosentinel/sentinel/configrewrite"
)

// A configuration is loaded, changes, is saved, and is loaded again.
func ExampleLoad() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "sentinel.conf")
	if err := os.WriteFile(path, []byte("sentinel monitor mymaster 10.0.0.1 6379 2\n"), 0o600); err != nil {
		panic(err)
	}

	f, err := configrewrite.Load(path, nil)
	if err != nil {
		panic(err)
	}
	state := f.State()
	state.CurrentEpoch, state.Masters[0].LeaderEpoch = 7, 7 // a vote
	if err := f.Save(state); err != nil {
		panic(err)
	}

	again, err := configrewrite.Load(path, nil)
	if err != nil {
		panic(err)
	}
	fmt.Println(again.State().Masters[0].Name, "voted in epoch", again.State().Masters[0].LeaderEpoch)
	// Output: mymaster voted in epoch 7
}

// All mistakes are reported at once, each with what to do about it.
func ExampleParse() {
	_, err := configrewrite.Parse([]byte("prot 26379\nsentinel monitor mymaster 10.0.0.1 6379 0\n"),
		configrewrite.Source{Name: "sentinel.conf"})
	fmt.Println(err)
	// Output:
	// sentinel.conf:1: Bad directive or wrong number of arguments (unknown directive "prot")
	//     >>> prot 26379
	//     hint: did you mean "port"?
	// sentinel.conf:2: Quorum must be 1 or greater.
	//     >>> sentinel monitor mymaster 10.0.0.1 6379 0
	//     hint: write: sentinel monitor <name> <host> <port> <quorum>
}
