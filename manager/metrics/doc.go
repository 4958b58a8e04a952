// Package metrics keeps the figures of a manager: it counts what the loop and
// the API tell it, and shows all of it in the form of Prometheus.
//
// It owns the names, the buckets, and what was so in the last minutes
// (recent.go), which banto doctor judges. It refuses to find anything out by
// itself: the loop tells of each batch (runner.Observer), the API of each call,
// and how things stand is asked of functions that do not wait (Sources).
//
// Promises: a scrape asks neither the loop nor the store, and costs the same with
// one tracker and with a hundred thousand; no label has a value that people or
// hosts can make up; a name keeps its meaning. Counters begin at zero with the
// process, and go on over take-overs within it.
package metrics
