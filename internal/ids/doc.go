// Package ids makes the identifiers whose shapes package banto defines.
//
// It owns chance: everything random in an identifier comes from the reader it
// is given, and the day in a tracker's ID from the clock it is given. It
// refuses to look things up: seven characters a day do not make a tracker's ID
// unique by themselves, so the caller asks again when an ID is taken (the
// store refuses it as a duplicate).
package ids
