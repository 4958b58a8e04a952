// Package wholefile writes files that are there whole or not at all.
//
// It owns the way: a new file beside the old one, and a rename. It refuses to
// leave half a file, or a new one beside the old, when something fails. It
// promises that who reads sees the old text or the new one.
package wholefile
