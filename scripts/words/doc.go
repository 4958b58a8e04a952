// Package words has the words that stories of every kind share: those that run a
// command somewhere and look at how it ended or at what it said. Where and how a
// command is run is the story's: here, in a network namespace, in a virtual
// machine, under Wine.
//
// It is for tests alone.
package words
