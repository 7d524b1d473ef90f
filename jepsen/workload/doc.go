// Package workload plays the applications of a group during a run, and records what each
// asked for and was told.
//
// Every client works for itself, one operation after the other, and never tries an
// operation twice: what became of it is the checkers' question. It finds the master as an
// application would: through the Sentinel support of go-redis, through package discovery,
// or through the proxy.
//
//   - Writers append numbers of their own to a list of their own, and read it.
//   - Tellers move money between accounts, in transactions, and read all accounts.
package workload
