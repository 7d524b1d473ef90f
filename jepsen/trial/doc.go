// Package trial plays one schedule against real processes, from the empty directory to
// the verdict.
//
// A trial has these phases: servers and Sentinels start and come to know each other;
// clients begin, and all is well for a moment; the phase of faults; everything is healed,
// and order has to return within a deadline; clients stop, what there is is read, and the
// checkers judge.
//
// It leaves a directory: schedule.json, history.jsonl, timeline.txt, verdict.txt,
// verdict.json, report.html, and the files and logs of all processes.
package trial
