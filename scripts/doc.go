// Package scripts holds what runs the whole binary: demo.sh, which is behind
// `make demo`, and the stories, *.txtar, each of which is a night as a person
// lives it: commands, and what they must say.
//
// It owns no code that is shipped. A story starts its own `banto up` in its own
// directory on free ports (the command `up`), and everything it has started is
// gone at its end. It is written in testscript's language with these words more:
//
//	up [FLAG…]          start banto up, wait until it answers
//	down                stop it, as Ctrl-C does
//	kill9               kill it, as a crash does; its keeper lives on
//	exits N COMMAND…    run a command that must end with exit code N
//	keep NAME PATTERN   set $NAME to the last thing in stdout that fits
//	screen C R COMMAND…  run banto on a terminal of C columns and R rows, and
//	                    write what stands on it at the end to the file screen
//	keys C R FILE COMMAND…  run banto on a real terminal of that size and sit in
//	                    front of it as FILE says, a line each: see PATTERN,
//	                    press KEY…, type TEXT, size C R, signal NAME. What stands
//	                    on the screen at the end goes to the file screen, what the
//	                    second screen showed last to the file last
//	shape FILE          write the shape of the JSON document in stdout to FILE
package scripts
