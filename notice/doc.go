// Package notice tells those who watch a house from outside what they must see:
// each notice has an ID that never changes, and goes to the log, and on request
// to a syslog server and to the event log of Windows. It also gives the sign of
// life (alive.go): a file that is touched, or a URL that is asked for, while all
// is well.
//
// It owns the table of notices (table.go), from which the guides' tables are
// made: ID, severity, what it says and what to do, in English and Japanese. It
// refuses to judge: when something is told is for who calls Tell. What the
// product tells people in its own commands is not a notice, and neither is each
// line of the log: what is here is what a monitor of another maker is to match.
//
// Promises: an ID never gets another meaning, and none is used again (a golden
// list in the tests holds that); Tell never waits: what a syslog server does not
// take in time is dropped and counted, and the count is told when it takes
// again; a night in which everything breaks makes no flood: of each ID so many a
// minute are told, and then how many more there were. The sign of life is given
// only for what was looked at just before.
package notice
