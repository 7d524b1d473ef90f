package clients

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

var (
	write = flag.Bool("write", false, "write the table of docs/clients.md anew; implies -long")
	long  = flag.Bool("long", false, "play also the libraries with further options")
)

func TestMain(m *testing.M) {
	flag.Parse()
	goleak.VerifyTestMain(m, goleak.Cleanup(func(status int) {
		if npmDir != "" {
			if err := os.RemoveAll(npmDir); err != nil {
				fmt.Fprintln(os.Stderr, "clients:", err)
				status = max(status, 1)
			}
		}
		os.Exit(status)
	}))
}
