// Package journal says what a failover was, and why it happened: who said that the
// master was down, who voted for whom, which replicas could have been promoted and
// what spoke against each, how long every phase took, how it ended, and what was
// lost.
//
// A [Report] is about one attempt, led by the Sentinel that tells of it or watched.
// It is data without behaviour: [Report.String] sums it up in words, and
// encoding/json writes all of it.
//
//	reports, err := s.Failovers(ctx, "mymaster", 1)
//	if err == nil && len(reports) > 0 {
//		fmt.Println(reports[0])
//	}
//
// A Sentinel keeps its reports in a file beside its state, which [Read] reads, also
// while that Sentinel is running or after it is gone.
package journal
