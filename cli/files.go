package cli

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/jobnet/jobyaml"
)

// Limits of what is read as definitions, so that a wrong path costs no memory.
const (
	maxDefinition  = 16 << 20       // bytes of one file
	maxDefinitions = banto.MaxApply // bytes of all files
)

// readDefinitions reads the named files, and in folders, at any depth, those
// that end in .yaml or .yml. "-" is standard input. All that is wrong is told
// at once.
func (e *env) readDefinitions(paths []string) ([]banto.File, error) {
	r := reader{e: e, seen: map[string]bool{}}
	for _, path := range paths {
		r.take(path)
	}
	if len(r.problems) > 0 {
		info := banto.Fail(banto.KindInvalid, e.say("cannot read the definitions"), counted(e, len(r.problems)), "")
		info.Problems = r.problems
		return nil, info
	}
	e.sources = make(map[string]string, len(r.files))
	for _, f := range r.files {
		e.sources[f.Name] = f.Text
	}
	return r.files, nil
}

// readToSend reads definitions that go to the manager. They travel as JSON,
// where bytes that are not UTF-8 would arrive as other characters, so what is
// wrong with such a file is told here.
func (e *env) readToSend(paths []string) ([]banto.File, error) {
	files, err := e.readDefinitions(paths)
	if err != nil {
		return nil, err
	}
	var problems []banto.Problem
	for _, f := range files {
		if !utf8.ValidString(f.Text) {
			_, found := jobyaml.Parse(f.Name, []byte(f.Text))
			problems = append(problems, found...)
		}
	}
	if len(problems) > 0 {
		info := banto.Fail(banto.KindInvalid, e.say("cannot accept the definitions"), counted(e, len(problems)), "")
		info.Problems = problems
		return nil, info
	}
	return files, nil
}

func counted(e *env, problems int) string {
	if problems == 1 {
		return e.say("1 problem")
	}
	return e.say("%d problems", problems)
}

// reader gathers files and what is wrong with them.
type reader struct {
	e        *env
	files    []banto.File
	problems []banto.Problem
	seen     map[string]bool
	total    int64
}

func (r *reader) refuse(file, message, hint string) {
	r.problems = append(r.problems, banto.Problem{File: file, Message: message, Hint: hint})
}

func (r *reader) take(path string) {
	if path == "-" {
		r.keep("-", r.e.std.In)
		return
	}
	info, err := os.Stat(path)
	if err != nil {
		r.refuse(path, r.e.system(err), "")
		return
	}
	if !info.IsDir() {
		r.file(path)
		return
	}
	before := len(r.files) + len(r.problems)
	err = filepath.WalkDir(path, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			r.refuse(name, r.e.system(err), "")
			return nil
		case d.IsDir() && name != path && strings.HasPrefix(d.Name(), "."):
			return fs.SkipDir
		case !d.IsDir() && definitionName(d.Name()):
			r.file(name)
		}
		return nil
	})
	if err != nil {
		r.refuse(path, r.e.system(err), "")
	}
	if before == len(r.files)+len(r.problems) {
		r.refuse(path, r.e.say("no file that ends in .yaml or .yml is in this folder"), "")
	}
}

func definitionName(name string) bool {
	ext := strings.ToLower(filepath.Ext(name))
	return (ext == ".yaml" || ext == ".yml") && !strings.HasPrefix(name, ".")
}

// file reads one file. What is no regular file is refused, because it may
// never end.
func (r *reader) file(path string) {
	path = filepath.Clean(path)
	if r.seen[path] {
		return
	}
	r.seen[path] = true
	info, err := os.Stat(path)
	if err != nil {
		r.refuse(path, r.e.system(err), "")
		return
	}
	if !info.Mode().IsRegular() {
		r.refuse(path, r.e.say("it is not a file"), "")
		return
	}
	if info.Size() > maxDefinition {
		r.tooLarge(path, info.Size())
		return
	}
	f, err := os.Open(path)
	if err != nil {
		r.refuse(path, r.e.system(err), "")
		return
	}
	defer f.Close()
	r.keep(path, f)
}

func (r *reader) keep(name string, in io.Reader) {
	text, err := io.ReadAll(io.LimitReader(in, maxDefinition+1))
	switch {
	case err != nil:
		r.refuse(name, r.e.system(err), "")
	case len(text) > maxDefinition:
		r.tooLarge(name, int64(len(text)))
	case r.total+int64(len(text)) > maxDefinitions:
		r.refuse(name, r.e.say("the files together are larger than %s", size(maxDefinitions)), r.e.say("apply them folder by folder"))
	default:
		r.total += int64(len(text))
		r.files = append(r.files, banto.File{Name: filepath.ToSlash(name), Text: string(text)})
	}
}

func (r *reader) tooLarge(name string, n int64) {
	r.refuse(name, r.e.say("the file is too large: %s, and at most %s are read", size(n), size(maxDefinition)),
		r.e.say("is it a definition? cut it into several files"))
}

// system gives the operating system's own words, without the path that stands
// beside them already.
func (e *env) system(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return e.say("there is no such file")
	case errors.Is(err, fs.ErrPermission):
		return e.say("it may not be read")
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}
