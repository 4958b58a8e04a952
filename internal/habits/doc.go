// Package habits holds the tests that police this repository: who may import
// whom, that every package says what it is for, and that long files and
// functions have a reason. It has no code of its own.
package habits
