//go:build unix

package keeper

import (
	"slices"
	"strings"
)

// A script that is one command of plain words is run without a shell: the shell
// would do nothing but become that command, and costs as much as a small program.
// make does the same. What could mean anything to a shell goes to it, and so does
// all that is not found, or cannot be run: its words for that are known.

// ofShell are the words that a shell knows itself, but for true and false, which
// are the same as programs.
var ofShell = strings.Fields(`alias autoload bg bind break builtin caller case cd chdir command compgen complete
	compopt continue coproc declare dirs disown do done echo elif else enable esac eval exec exit export fc fg fi for
	function functions getopts hash help hist history if in integer jobs kill let local logout mapfile nameref popd
	print printf pushd pwd read readarray readonly return select set shift shopt source suspend test then time times
	trap type typeset ulimit umask unalias unset until wait whence while`)

// simple gives the words of a script that is no more than a command.
func simple(s Start) []string {
	if s.withShell || s.Spec.Script == "" || s.Spec.Shell != "" && s.Spec.Shell != "sh" || len(s.Spec.Script) > 4096 {
		return nil
	}
	script := strings.TrimRight(s.Spec.Script, " \n")
	for i := range len(script) {
		c := script[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && !strings.ContainsRune(" -_./:=@%+,", rune(c)) {
			return nil
		}
	}
	words := strings.Fields(script)
	if len(words) == 0 || strings.ContainsAny(words[0], "/=:.@%+,") || slices.Contains(ofShell, words[0]) {
		return nil
	}
	for _, pair := range s.Spec.Env {
		// A shell would look at these, and put them right.
		if strings.HasPrefix(pair, "PWD=") || strings.HasPrefix(pair, "OLDPWD=") {
			return nil
		}
	}
	return words
}
