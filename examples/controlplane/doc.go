// Controlplane is an example of a control plane with a Sentinel inside. A file names
// the groups of servers, as {"cache-1": "10.0.0.1:6379", ...}; what is added to it is
// monitored, what is taken out no longer is. HTTP shows the state and starts
// failovers:
//
//	go run ./examples/controlplane -groups groups.json -http localhost:8080
//	curl localhost:8080/status
//	curl -X PUT localhost:8080/maintenance/cache-1 // and DELETE: no failover meanwhile
//	curl -X POST localhost:8080/failover/cache-1
package main
