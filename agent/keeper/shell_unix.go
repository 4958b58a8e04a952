//go:build unix

package keeper

import (
	"strings"

	"github.com/bantoops/banto"
)

// shells gives the shells that were found on this host.
func shells() []string {
	var found []string
	for _, name := range []string{"sh", "bash", "pwsh"} {
		if _, no := lookShell(name, defaultPath, "/"); no == nil {
			found = append(found, name)
		}
	}
	return found
}

// lookShell finds a shell by the job's own PATH, and sh and bash also where
// every system has them.
func lookShell(name, path, dir string) (string, *refusal) {
	if name == "cmd" || name == "powershell" {
		return "", refuse(banto.ReasonNoProgram, "the shell %s is there on Windows hosts only: "+
			"this host has %s (leave shell out for sh)", name, strings.Join(shells(), ", "))
	}
	program, no := lookProgram(name, path, dir)
	if no != nil && no.reason == banto.ReasonNoProgram {
		if program, other := lookProgram(name, "/usr/bin:/bin", dir); other == nil {
			return program, nil
		}
		no.message = strings.Replace(no.message, "the program", "the shell", 1)
	}
	return program, no
}

// shellArgs gives the arguments with which a shell runs a script, or the file
// that holds it.
func shellArgs(shell, script, file string) []string {
	switch {
	case shell == "pwsh" && file != "":
		return []string{shell, "-NoLogo", "-NoProfile", "-NonInteractive", "-File", file}
	case shell == "pwsh":
		return []string{shell, "-NoLogo", "-NoProfile", "-NonInteractive", "-Command", script}
	case file != "":
		return []string{shell, file}
	}
	return []string{shell, "-c", script}
}
