package httpconsole

import (
	"net/http"

	"github.com/gosentinel/sentinel"
	"github.com/gosentinel/sentinel/internal/console"
)

// Handler returns the pages about a Sentinel. They ask for no password, and are mounted
// where the program likes, with [http.StripPrefix] if not at /. However many look, and
// however slowly, they do not hold up the Sentinel.
//
// Call it before Run to have everything counted; what happens before the first call is
// missing from the metrics. It may be called again, by several goroutines, and pages may
// be served before, while and after Run runs. If the Sentinel was made from a file with
// http-port, a call before Run has the pages served there as well.
func Handler(s *sentinel.Sentinel) http.Handler { return s.Attach(console.New).Handler() }
