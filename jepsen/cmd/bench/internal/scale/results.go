package scale

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/jepsen/cmd/bench/internal/trial"
)

// Measured is a row that was measured.
type Measured struct {
	Name        string
	Runs        int
	Took        time.Duration
	At          time.Time
	Load        string // of the machine, when it had been measured: the average of a minute
	Environment Environment
	Sides       []Sided
}

// Environment says how and where a row was measured. Rows of one file of results may have
// been measured with other flags, programs and machines each.
type Environment struct {
	Command  string
	Machine  string
	Versions []string // of the programs, in their order
}

// Sided is what one program showed: for each figure of the row, the values of all runs.
type Sided struct {
	Program string
	Values  [][]float64
}

func measuredNow(row Row, e Environment, sides []trial.Side[[]float64], took time.Duration) Measured {
	m := Measured{Name: row.Name, Environment: e, Runs: len(sides[0].Results), Took: took.Round(time.Second), At: time.Now().UTC().Truncate(time.Minute), Load: loadAverage()}
	for _, side := range sides {
		values := make([][]float64, len(row.Figures))
		for f := range values {
			for _, r := range side.Results {
				values[f] = append(values[f], r[f])
			}
			slices.Sort(values[f])
		}
		m.Sides = append(m.Sides, Sided{side.Name, values})
	}
	return m
}

// loadAverage returns how many processes wanted a processor in the last minute.
func loadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "?"
	}
	first, _, _ := strings.Cut(string(text), " ")
	return first
}

// Results are the latest figures of each row.
type Results struct {
	path string // "": not kept
	Rows []Measured
}

// OpenResults returns the results that a file has from earlier runs. It is made when it
// is not there; "" keeps none.
func OpenResults(path string) (*Results, error) {
	r := &Results{path: path}
	if path == "" {
		return r, nil
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return nil, err
	}
	return r, json.Unmarshal(text, &r.Rows)
}

func (r *Results) put(m Measured) {
	if i := slices.IndexFunc(r.Rows, func(old Measured) bool { return old.Name == m.Name }); i >= 0 {
		r.Rows[i] = m
		return
	}
	r.Rows = append(r.Rows, m)
}

// Save writes the file.
func (r *Results) Save() error {
	if r.path == "" {
		return nil
	}
	text, err := json.MarshalIndent(r.Rows, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(r.path, append(text, '\n'), 0o644)
}

// named returns the latest figures of a row.
func (r *Results) named(name string) (Measured, bool) {
	for _, m := range r.Rows {
		if m.Name == name {
			return m, true
		}
	}
	return Measured{}, false
}
