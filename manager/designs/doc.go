// Package designs is the manager's way with definitions: it applies them, tells
// versions apart, and turns the ones in use into flows that can be run.
//
// It owns the rule of an apply: all files are judged together and all of their
// faults are told at once; either everything is stored in one transaction with
// its audit rows, or nothing is. A document whose text is the one in use makes
// no new version. A folder's change is refused when a jobnet below it, in the
// request or stored, would no longer be valid.
//
// Names that definitions hold outright must lead somewhere: a host: to a host
// or a host group that is stored or in the same request, the hosts of a group
// and of an account likewise. An account that nobody has defined is an OS user,
// which only its host knows. A jobnet that another one runs must be there, take the
// values that it is handed, and not come round to who runs it; that is judged anew
// for those in use when its parameters change. A jobnet, group or account that
// something in use names is not deleted. After each commit that touched groups or accounts Options.Changed
// is called, so that whoever places jobs reads them again before the answer.
//
// A large jobnet is kept compiled in the store, under a mark that says from
// what. That is a cache, and its loss costs nothing but time: what does not
// match the definitions in use and the version of the program is compiled anew.
//
// It refuses YAML (jobyaml), the rules of a definition (jobnet), and trackers:
// a tracker runs the flow it was submitted with, whatever is applied, pruned
// or deleted later.
//
// Prune deletes only what the request can be meant to hold whole: the jobnets
// that are not in the request and stand below a folder that it has a document
// of, or below a folder that one of its jobnets stands in. A jobnet without a
// folder reaches only others without a folder; everything else is reached
// only by a document of the root folder. Folders are never pruned. Groups and
// accounts stand in no folder: a request that holds a group holds all groups,
// one that holds an account all accounts, and one with the root folder both.
package designs
