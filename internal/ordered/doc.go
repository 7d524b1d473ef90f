// Package ordered keeps words in the order in which they were added.
//
// Clients choose how many words there are, such as the names of their
// subscriptions, and in which order they come and go. So each operation on one of
// them takes constant time on average, and none walks over all:
//
//	var names ordered.Map[struct{}]
//	names.Put("+sdown", struct{}{})
//	names.Remove("+sdown")
//	all := names.List() // oldest first
package ordered
