package journal

import (
	"encoding/json"
	"math"
	"time"
)

// Durations are written as milliseconds, which every language has: Took is
// "took_ms", LinkDown "link_down_ms" and Heard "heard_ms".

// MarshalJSON implements [json.Marshaler].
func (p Phase) MarshalJSON() ([]byte, error) {
	type plain Phase
	return json.Marshal(struct {
		plain
		Took float64 `json:"took_ms"`
	}{plain(p), millis(p.Took)})
}

// UnmarshalJSON implements [json.Unmarshaler].
func (p *Phase) UnmarshalJSON(text []byte) error {
	type plain Phase
	v := struct {
		*plain
		Took float64 `json:"took_ms"`
	}{plain: (*plain)(p)}
	err := json.Unmarshal(text, &v)
	p.Took = fromMillis(v.Took)
	return err
}

// MarshalJSON implements [json.Marshaler].
func (c Candidate) MarshalJSON() ([]byte, error) {
	type plain Candidate
	return json.Marshal(struct {
		plain
		LinkDown float64 `json:"link_down_ms"`
		Heard    float64 `json:"heard_ms"`
	}{plain(c), millis(c.LinkDown), millis(c.Heard)})
}

// UnmarshalJSON implements [json.Unmarshaler].
func (c *Candidate) UnmarshalJSON(text []byte) error {
	type plain Candidate
	v := struct {
		*plain
		LinkDown float64 `json:"link_down_ms"`
		Heard    float64 `json:"heard_ms"`
	}{plain: (*plain)(c)}
	err := json.Unmarshal(text, &v)
	c.LinkDown, c.Heard = fromMillis(v.LinkDown), fromMillis(v.Heard)
	return err
}

func millis(d time.Duration) float64 {
	return float64(d.Round(time.Microsecond).Microseconds()) / 1000
}

func fromMillis(ms float64) time.Duration {
	return time.Duration(math.Round(ms*1000)) * time.Microsecond
}
