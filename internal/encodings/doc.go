// Package encodings reads what jobs print in other encodings than UTF-8.
//
// It owns the way from the name of an encoding, as a definition holds it, to
// its decoder, and how bytes that make no sense in it are shown. It refuses
// guessing: an encoding is what the definition says.
package encodings
