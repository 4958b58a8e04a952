// Package wine holds the stories of the Windows binary, *.txtar, and runs them
// under Wine: `make wine` builds the binary for Windows, and the keeper's own
// tests with it, and hands them over in $BANTO_WINE_BINARIES.
//
// It owns no code that is shipped. All stories share one Wine prefix, in a
// directory of its own that is gone at the end with every process in it; each
// has its own `banto up` on free ports. A story is written in testscript's
// language with these words more:
//
//	up [ROLE]           start banto up, or server or agent, and wait until it is
//	kill9               kill what is up, as a crash does; the keeper lives on
//	banto ARG…          run a command, which must end with 0, or not with ! before
//	exits N ARG…        run a command that must end with exit code N
//	keep NAME PATTERN   set $NAME to the last thing in stdout that fits
//	wait-for FILE       wait until a file is there
//
// What is not proved here is listed in docs/guide/windows.md, and windows.ja.md.
package wine
