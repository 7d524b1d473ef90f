package journal_test

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/gosentinel/sentinel/journal"
)

// The file of a Sentinel can be read by any program, while that Sentinel is running.
func ExampleRead() {
	dir, _ := os.MkdirTemp("", "")
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "sentinel.conf.failovers")
	_ = os.WriteFile(path, journal.Render(reports(1)), 0o600) // a Sentinel did this

	c, err := journal.Read(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range c.Reports {
		fmt.Println(r.Master, r.Outcome, r.From, r.To, r.Cause)
		for _, p := range r.Phases {
			fmt.Println(p.Name, p.Took)
		}
	}
	// Output:
	// mymaster promoted 10.0.0.1:6379 10.0.0.2:6379 refused
	// silence 5s
	// agreement 2ms
	// election 6.5ms
	// promotion 200ms
}
