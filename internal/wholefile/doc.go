// Package wholefile writes files that are there whole or not at all.
//
// It owns the way: a new file beside the old one, on disk, a rename, and the
// directory on disk. So the directory must be one that may be written in: a
// file's own mode does not help. It refuses to leave half a file, or a new one
// beside the old, when something fails. It promises that who reads sees the old
// text or the new one, also after the machine fell, and that a link stays a link,
// also one to what is not there yet.
package wholefile
