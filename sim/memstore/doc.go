// Package memstore is a store in memory, for the simulator: the same promises as
// a store of SQL (it passes storetest), with a clock that the caller turns and
// with faults at each edge of a transaction.
//
// It owns nothing that lasts: a Shelf is what all the stores opened on it see, as
// a database is for its clients, and a picture of it can be taken and put back.
// It refuses to be the store of a real manager, and promises that a row which was
// given or taken is never shared with the caller.
package memstore
