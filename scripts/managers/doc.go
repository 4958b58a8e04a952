// Package managers holds stories of several managers that share a store, and of
// what befalls the store: the real commands as processes on one machine, with a
// PostgreSQL of their own where the machine has one. The words of a story
// beside testscript's own:
//
//	database KIND        shared: the one of all stories; own: one that may be harmed;
//	                     proxied: through a wire that can be cut; small: on a small
//	                     disk (root); pair: with a synchronous standby
//	harm WHAT            what befalls it: harms, in database_test.go
//	sql STATEMENT        what the database says
//	manager NAME FLAG…   a manager begins, on $STORE; $URL_NAME is where it answers
//	agent NAME FLAG…     a host joins, or its agent begins again
//	end, kill9 NAME      one ends: TERM or KILL
//	freeze, thaw NAME    one stands still (SIGSTOP), and goes on
//	until PATTERN CMD…   a command says it in the end
//	never PATTERN CMD…   a command does not say it, though it is asked for a while
//	exits N CMD…         a command ends with an exit code
//	keep NAME PATTERN    the last such thing in stdout is a variable from now on
//	load WORD            begin, end: submissions, one behind the other; check: each
//	                     one that was answered has run once
//	flood JOBNET OTHER   many submissions of one ($BANTO_FLOOD), one of the other
//	watch, took          a stop-watch: what something took, for the log
//
// `make managers` runs them with what they say, and a flood of 20,000.
package managers
