// Package backup is the file of a backup: everything that a store keeps at one
// moment, in a form that fits every kind of store.
//
// It owns the form, and that a file is whole. It refuses to know what the rows
// mean, and where they come from or go to: a store.Copier gives and takes them.
// What jobs have printed is not in it.
//
// The file is gzip over lines of JSON. The first says what it is and which
// tables it has; then each row is a list of the table's number and its values
// (bytes as {"b": base64}); the last has the number of rows and the SHA-256 of
// all lines before it. So a file that was cut, or in which anything has changed,
// is found out before a row of it is used: whoever restores reads it twice.
//
// It holds the keys of the house: keep it as you keep them.
package backup
