// Package config keeps what the commands of one person need to reach a
// manager: its URL and a token, in a file that nobody else can read.
//
// It owns where that file is, its shape and its rights. It refuses a file that
// others can read, because a token in it would let them in, and anything that
// is not about reaching a manager. Promise: a save replaces the whole file at
// once, so that a command never reads half of one.
package config
