// Package jobyaml reads definitions written in YAML.
//
// One table of keys (keys.go) says what may stand where. What the parser
// accepts, the JSON Schema for editors and the reference in Markdown come from
// it, so that they cannot tell different tales; how a value is read stands in
// document.go and part.go, and which keys exclude each other in schema.go. Keys that a later version will know are in
// it, and are refused by name.
//
// Parse tells all problems of a file in one go, each with its place, what was
// found and what to write. It walks the nodes of the YAML library itself and
// keeps the literal text of every scalar: 010 stays 010. It bounds what a file
// can cost, whatever is in it, and never panics. What a definition means as a
// whole (edges, cycles, expressions) is for package jobnet to say; Parse asks
// it when a file has faults already, since nobody will compile it then.
package jobyaml
