// Package sim lives through whole houses in simulated time: managers, hosts, what
// is between them and those who use them, all of one seed and in one goroutine,
// so that a seed that breaks a promise breaks it again, in the same way.
//
// It owns the edges and nothing else: the clock, the connections, the disks, the
// processes, and a store in memory (memstore). What runs between these edges is
// the product: runner with engine and dispatch, gateway, lease, the link's machine
// and the keeper's, with the frames and the journal as they are written.
//
// Whatever may go wrong does: managers and keepers are killed and stopped at any
// point, also within a transaction; connections break, hang and come back; hosts
// restart, freeze, fill their disks, are put back to an earlier state and are
// copied, or have a keeper that is old; commits fail, or succeed without an answer;
// clocks jump; outputs cannot be written; the store is lost, and a backup restored
// and confirmed. Some worlds have a mood (moods.go), in which happens what comes
// together by chance in one of thousands. Then all faults end, and everything has
// to come to rest.
//
// It promises to say which promise of the product (docs/ARCHITECTURE.md) was
// broken, by what it knows of the truth and the product does not: truth.go.
package sim
