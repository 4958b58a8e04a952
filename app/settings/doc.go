// Package settings reads the file in which an administrator says how a
// process of Banto runs: what the flags of banto server, banto up and banto
// agent say otherwise.
//
// It owns the names of the settings and their types. It refuses a name that
// it does not know, a name twice and a value of the wrong type, all of a
// file's faults in one go, each with its place. A flag wins over the file;
// that is the caller's to do.
package settings
