package keeper

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/windows"

	"github.com/bantoops/banto"
)

// defaultShell runs scripts that name none.
const defaultShell = "powershell"

const defaultPathExt = ".COM;.EXE;.BAT;.CMD"

// programEndings gives the endings of PATHEXT that the system can run by itself;
// those of scripts (.VBS, .PY) need their interpreter named.
func programEndings(env []string) []string {
	text, _ := lookEnv(env, "PATHEXT")
	can := strings.Split(defaultPathExt, ";")
	var endings []string
	for _, ending := range strings.Split(strings.ToUpper(text), ";") {
		if slices.Contains(can, ending) && !slices.Contains(endings, ending) {
			endings = append(endings, ending)
		}
	}
	if len(endings) == 0 {
		return can
	}
	return endings
}

// systemShells says where the system keeps its own shells, below SystemRoot.
var systemShells = map[string]string{
	"cmd":        `System32\cmd.exe`,
	"powershell": `System32\WindowsPowerShell\v1.0\powershell.exe`,
}

// shells gives the shells that were found on this host.
func shells() []string {
	var found []string
	env := logonEnvironment()
	for _, name := range []string{"powershell", "cmd", "pwsh"} {
		if _, no := lookShell(name, env, ""); no == nil {
			found = append(found, name)
		}
	}
	return found
}

// lookShell finds a shell: the system's own where it belongs, whatever PATH
// says, others by PATH.
func lookShell(name string, env []string, dir string) (string, *refusal) {
	switch name {
	case "cmd", "powershell":
		root, _ := lookEnv(env, "SystemRoot")
		file := filepath.Join(root, systemShells[name])
		if root == "" || !plainFile(file) {
			return "", refuse(banto.ReasonNoProgram, "the shell %s was not found on this host (%s)", name, file)
		}
		return file, nil
	case "pwsh":
		file, no := lookProgram(name+".exe", env, dir)
		if no != nil {
			return "", refuse(banto.ReasonNoProgram, "the shell pwsh was not found on this host: install PowerShell 7, or name the shell powershell")
		}
		return file, nil
	}
	return "", refuse(banto.ReasonNoProgram, "the shell %s does not exist on Windows: name the shell powershell, pwsh or cmd, "+
		"or run a program of that name with run:", name)
}

// shellCommand says how a shell is given a script.
func (p *planner) shellCommand(out *plan, s Start) *refusal {
	shell := s.Spec.Shell
	if shell == "" {
		shell = defaultShell
	}
	var no *refusal
	if out.program, no = lookShell(shell, out.env, out.dir); no != nil {
		return no
	}
	if shell == "cmd" {
		return p.batchFile(out, s)
	}
	// Without the mark, PowerShell 5 reads the file in the code page of the day.
	text := append([]byte("\xEF\xBB\xBF"), s.Spec.Script...)
	file, err := p.files.script(s.Attempt, "script.ps1", text)
	if err != nil {
		return refuse(banto.ReasonNotStarted, "cannot write the script: %v", err)
	}
	out.line = windows.ComposeCommandLine([]string{out.program, "-NoLogo", "-NoProfile", "-NonInteractive",
		"-ExecutionPolicy", "Bypass", "-File", file})
	return nil
}

// batchFile gives cmd the script as a file, in the code page that cmd reads.
func (p *planner) batchFile(out *plan, s Start) *refusal {
	text := strings.ReplaceAll(strings.ReplaceAll(s.Spec.Script, "\r\n", "\n"), "\n", "\r\n")
	page := oemCodePage()
	body, ok, err := toCodePage("@echo off\r\n"+text, page)
	switch {
	case err != nil:
		return refuse(banto.ReasonNotStarted, "cannot write the script in code page %d: %v", page, err)
	case !ok:
		return refuse(banto.ReasonNotStarted, "the script has a character that code page %d of this host's cmd lacks: "+
			"use powershell, or leave that character out", page)
	}
	file, err := p.files.script(s.Attempt, "script.cmd", body)
	if err != nil {
		return refuse(banto.ReasonNotStarted, "cannot write the script: %v", err)
	}
	if strings.Contains(file, "%") {
		return refuse(banto.ReasonNotStarted, "cmd cannot be told of the file %s: its name has a %%; "+
			"move the agent's data directory", file)
	}
	delayed := "/V:OFF"
	if s.Spec.Delayed {
		delayed = "/V:ON"
	}
	out.line = windows.EscapeArg(out.program) + ` /D /E:ON ` + delayed + ` /S /C "` + calling() + `"` + file + `""`
	return nil
}

// calling gives the word before a batch file's name. Without it cmd loses the
// exit code of a file that ends with "|| exit /b 1"; with it Wine's cmd, which
// has no such fault, loses all of them.
func calling() string {
	if procWineVersion.Find() == nil {
		return ""
	}
	return "call "
}

// programCommand says how a program is given its arguments.
func (p *planner) programCommand(out *plan, s Start) *refusal {
	var no *refusal
	if out.program, no = lookProgram(s.Spec.Args[0], out.env, out.dir); no != nil {
		return no
	}
	switch strings.ToLower(filepath.Ext(out.program)) {
	case ".bat", ".cmd":
		line, no := batchLine(out.program, s.Spec.Args[1:])
		if no != nil {
			return no
		}
		if out.program, no = lookShell("cmd", out.env, out.dir); no != nil {
			return no
		}
		out.line = windows.EscapeArg(out.program) + " " + line
	default:
		out.line = windows.ComposeCommandLine(s.Spec.Args)
	}
	return nil
}

// batchLine gives the arguments for cmd to run a batch file. cmd reads them
// by rules of its own: within quotes all is taken as it is, but for a quote and
// %, which nothing can protect. These are refused.
func batchLine(file string, args []string) (string, *refusal) {
	var line strings.Builder
	line.WriteString(`/D /E:ON /V:OFF /S /C "` + calling() + `"` + file + `"`)
	for _, arg := range append([]string{file}, args...) {
		if strings.ContainsAny(arg, "\"%\r\n\x00") {
			return "", refuse(banto.ReasonNotStarted, "the argument %q cannot be handed to the batch file %s safely: "+
				`it has a quote, a %% or a line end; hand it over in an environment variable`, arg, file)
		}
	}
	for _, arg := range args {
		line.WriteString(` "` + arg + `"`)
	}
	line.WriteString(`"`)
	return line.String(), nil
}

// lookProgram finds a program as Windows does, but never in a directory that
// nobody named: by the job's own Path when its name has no separator, else from
// the job's directory; with the endings of PATHEXT when it has none of them.
func lookProgram(name string, env []string, dir string) (string, *refusal) {
	if name == "" {
		return "", refuse(banto.ReasonNoProgram, "the name of the program is empty")
	}
	endings := programEndings(env)
	if strings.ContainsAny(name, `/\:`) {
		file := filepath.FromSlash(name)
		if !filepath.IsAbs(file) {
			file = filepath.Join(dir, file)
		}
		if found := withEnding(file, endings); found != "" {
			return found, nil
		}
		if info, err := os.Stat(file); err == nil && info.IsDir() {
			return "", refuse(banto.ReasonNoProgram, "%s is a directory, not a program", file)
		} else if errors.Is(err, fs.ErrPermission) {
			return "", refuse(banto.ReasonNoRight, "the program %s cannot be run: permission denied", file)
		}
		if plainFile(file) {
			return "", refuse(banto.ReasonNoProgram, "%s is not a program that Windows runs by itself (%s): name the program that reads it first",
				file, strings.Join(endings, " "))
		}
		return "", refuse(banto.ReasonNoProgram, "the program %s does not exist", file)
	}
	path, _ := lookEnv(env, "Path")
	for _, at := range filepath.SplitList(path) {
		if at == "" {
			continue
		}
		if !filepath.IsAbs(at) {
			at = filepath.Join(dir, at)
		}
		if found := withEnding(filepath.Join(at, name), endings); found != "" {
			return found, nil
		}
	}
	return "", refuse(banto.ReasonNoProgram, "the program %s was not found in Path (%s)", name, path)
}

// withEnding gives the file of a name with one of the endings; a name that has
// one of them is tried as it is first.
func withEnding(file string, endings []string) string {
	if slices.Contains(endings, strings.ToUpper(filepath.Ext(file))) && plainFile(file) {
		return file
	}
	for _, ending := range endings {
		if plainFile(file + strings.ToLower(ending)) {
			return file + strings.ToLower(ending)
		}
	}
	return ""
}

func plainFile(file string) bool {
	info, err := os.Stat(file)
	return err == nil && !info.IsDir()
}
