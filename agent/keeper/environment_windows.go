package keeper

import (
	"os"
	"slices"
	"strings"
	"unicode/utf16"

	"golang.org/x/sys/windows"

	"github.com/bantoops/banto"
)

// ownNames are the variables that programs of Windows cannot do without. Their
// values are those of a fresh logon, not those of whoever started the agent.
var ownNames = []string{
	"ALLUSERSPROFILE", "APPDATA", "CommonProgramFiles", "CommonProgramFiles(x86)", "CommonProgramW6432", "COMPUTERNAME",
	"ComSpec", "HOMEDRIVE", "HOMEPATH", "LOCALAPPDATA", "NUMBER_OF_PROCESSORS", "OS", "Path", "PATHEXT",
	"PROCESSOR_ARCHITECTURE", "PROCESSOR_IDENTIFIER", "PROCESSOR_LEVEL", "PROCESSOR_REVISION", "ProgramData", "ProgramFiles",
	"ProgramFiles(x86)", "ProgramW6432", "PSModulePath", "PUBLIC", "SystemDrive", "SystemRoot", "TEMP", "TMP", "USERDOMAIN",
	"USERNAME", "USERPROFILE", "windir",
}

// environment gives what a job sees: what Windows itself needs, the
// definition's values over it, and BANTO_* over those.
func environment(base []string, s Start, tracker banto.TrackerID, work, vars string) []string {
	env := make([]string, 0, len(ownNames)+len(s.Spec.Env)+6)
	for _, name := range ownNames {
		if value, ok := lookEnv(base, name); ok {
			env = append(env, name+"="+value)
		}
	}
	env = append(env, s.Spec.Env...)
	env = append(env,
		"BANTO_TRACKER="+string(tracker),
		"BANTO_PART="+string(s.Spec.Part),
		"BANTO_ATTEMPT="+string(s.Attempt),
		"BANTO_DATE="+s.Spec.Date.String(),
		"BANTO_WORK="+work,
		"BANTO_VARS="+vars,
	)
	return merged(env)
}

// merged leaves one value of each name, the last, and sorts them, as the system
// asks for: names that differ in case alone are one.
func merged(env []string) []string {
	seen := make(map[string]bool, len(env))
	out := make([]string, 0, len(env))
	for _, pair := range slices.Backward(env) {
		name, _, ok := strings.Cut(pair, "=")
		if name = strings.ToUpper(name); ok && name != "" && !seen[name] {
			seen[name] = true
			out = append(out, pair)
		}
	}
	slices.SortFunc(out, func(a, b string) int {
		a, _, _ = strings.Cut(a, "=")
		b, _, _ = strings.Cut(b, "=")
		return strings.Compare(strings.ToUpper(a), strings.ToUpper(b))
	})
	return out
}

func lookEnv(env []string, name string) (string, bool) {
	for _, pair := range env {
		if at, value, ok := strings.Cut(pair, "="); ok && strings.EqualFold(at, name) {
			return value, true
		}
	}
	return "", false
}

// logonEnvironment gives the environment that a fresh logon of our own user has,
// as it is set now; this process's own where the system does not tell.
func logonEnvironment() []string {
	var token windows.Token
	if err := windows.OpenProcessToken(windows.CurrentProcess(), windows.TOKEN_QUERY|windows.TOKEN_DUPLICATE, &token); err != nil {
		return os.Environ()
	}
	defer token.Close() //nolint:errcheck // it was only read
	env, err := token.Environ(false)
	if root, ok := lookEnv(env, "SystemRoot"); err != nil || !ok || root == "" {
		return os.Environ()
	}
	return env
}

// environmentBlock puts variables into the form that the system takes.
func environmentBlock(env []string) ([]uint16, error) {
	block := make([]uint16, 0, 4096)
	for _, pair := range env {
		if strings.ContainsRune(pair, 0) {
			return nil, windows.ERROR_INVALID_PARAMETER
		}
		for _, r := range pair {
			block = utf16.AppendRune(block, r)
		}
		block = append(block, 0)
	}
	return append(block, 0), nil
}
