// Package sqltext is what the stores that speak SQL have in common: the columns
// and fields of each record, how values are written and read, the statements,
// and the questions of store.Reader.
//
// It owns the SQL on which the dialects agree, with ? for each argument; a
// store whose database wants another sign replaces them once. It opens nothing,
// refuses rules, and knows neither leases nor migrations: those are each
// store's own.
//
// Each record has one list of columns and one list of fields, used both to
// write and to read it, so that a column cannot be forgotten on one way. Every
// list walks an index in its own order from its cursor on; no list sorts or
// reads over what it does not give back.
package sqltext
