// Package compare compares this Sentinel with a model of stock redis-sentinel in
// the simulator: how long a failover takes, counted from the fault that caused it,
// how many acknowledged writes it costs, and how long there are two masters. Both
// play the same seeds: the same servers, clients, network and faults. Package sim
// explains the worlds and the model.
//
// The results depend on the seeds and the code alone, to the last byte.
// docs/simulation.md has them as pictures and short tables, its appendix as long
// ones; [Results.Write] writes all of them.
package compare
