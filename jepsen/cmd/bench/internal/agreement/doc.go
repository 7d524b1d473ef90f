// Package agreement measures how fast gosentinels agree, with gossip and
// without it.
//
// Each run starts one master, replicas and Sentinels as real processes, waits
// until all know each other, and kills the master. It reports two times:
//
//   - odown: from the moment at which as many Sentinels as the quorum asks for
//     saw the master down, until the Sentinel that then led knew it;
//   - address: from the promotion until every other Sentinel gave clients the
//     address of the new master. The leader gives it from the promotion on.
//
// Runs with gossip and without alternate, so that whatever else the machine does
// falls on both alike.
package agreement
