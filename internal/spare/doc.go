// Package spare makes files ahead of time, for places where the making of a
// file would hold somebody up.
//
// A file system may take long to make a file: an ext4 on which many were removed
// lately looks for one that it may use again, for half a millisecond each time,
// while a name for a file that is there takes a fraction of that. So some files
// without names are kept open, and get theirs when one is asked for.
//
// It owns those files and nothing else: they are on no directory, and go with the
// process. It refuses to change what a file is: who asks gets a new, empty file, or
// the one that has the name already, as with os.O_CREATE. Where the system knows
// no files without names they are made when they are asked for.
package spare
