package designs

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/jobnet"
	"github.com/bantoops/banto/job/jobnet/jobyaml"
	"github.com/bantoops/banto/store"
)

// The limits of one apply.
const (
	MaxFiles = 10_000
)

// Options are what designs needs.
type Options struct {
	Store store.ReadWriter
	Now   func() time.Time
	// Version is that of the program: what another one has compiled is compiled
	// anew.
	Version string
	// KnownHost says whether there is a host of that name. Without it hosts and
	// groups are not looked for.
	KnownHost func(ctx context.Context, name string) (bool, error)
	// Changed is called after each commit that touched groups or accounts,
	// before the apply or delete is answered; several calls may run at once.
	Changed func()
	// CacheBytes limits the encoded flows that are kept in memory; 0 means 32 MiB.
	CacheBytes int
}

// Designs is safe for use by many goroutines.
type Designs struct {
	opt Options

	writing sync.Mutex // one apply or delete at a time
	// generation grows after each write: while it stands still, so do the
	// definitions, as only this manager writes them.
	generation atomic.Int64

	compiling sync.Mutex // one jobnet at a time, as a large one takes a second
	cache     cache
}

// New makes Designs.
func New(opt Options) *Designs {
	if opt.CacheBytes == 0 {
		opt.CacheBytes = 32 << 20
	}
	return &Designs{opt: opt, cache: newCache(opt.CacheBytes)}
}

// Diff compares two versions of a jobnet, or one with the text of a file. What
// 0 stands for is said at banto.DiffRequest.
func (d *Designs) Diff(ctx context.Context, path string, from, to int, file *banto.File) (banto.DiffResult, error) {
	what := "cannot compare jobnet " + path
	result := banto.DiffResult{Path: path}
	var after *jobnet.Jobnet
	if file != nil {
		j, err := textOf(what, path, file)
		if err != nil {
			return result, err
		}
		after = j
	} else {
		j, version, err := d.version(ctx, what, path, to)
		if err != nil {
			return result, err
		}
		after, result.To = j, version
		if from == 0 {
			if from = version - 1; from == 0 {
				return result, banto.Fail(banto.KindNotFound, what, "there is no version before 1", "")
			}
		}
	}
	before, version, err := d.version(ctx, what, path, from)
	if err != nil {
		return result, err
	}
	result.From = version
	result.Lines = jobnet.Diff(before, after)
	if result.Lines == nil {
		result.Lines = []banto.DiffChange{}
	}
	return result, nil
}

// version reads one stored version of a jobnet; 0 is the one in use.
func (d *Designs) version(ctx context.Context, what, path string, version int) (*jobnet.Jobnet, int, error) {
	def, err := d.opt.Store.Definition(ctx, store.KindJobnet, path, version)
	if err != nil {
		if errors.Is(err, store.ErrNotFound) && version != 0 {
			return nil, 0, banto.Fail(banto.KindNotFound, what, "there is no version "+strconv.Itoa(version),
				"banto jobnet versions "+path+" lists them").Because(err)
		}
		return nil, 0, failed(what, store.KindJobnet, path, err)
	}
	doc, _, problems := parseStored(def)
	if len(problems) > 0 {
		return nil, 0, invalid(what, problems)
	}
	return doc.Jobnet, def.Version, nil
}

// textOf finds the jobnet of that path in a file.
func textOf(what, path string, file *banto.File) (*jobnet.Jobnet, error) {
	if len(file.Text) > banto.MaxApply {
		return nil, banto.Fail(banto.KindInvalid, what, "the file is larger than 64 MiB", "")
	}
	docs, problems := jobyaml.Parse(file.Name, []byte(file.Text))
	if len(problems) > 0 {
		return nil, invalid(what, problems)
	}
	for _, doc := range docs {
		if doc.Jobnet != nil && doc.Path == path {
			return doc.Jobnet, nil
		}
	}
	return nil, banto.Fail(banto.KindInvalid, what, "the file does not hold it", "the file must have a document `jobnet: "+path+"`")
}

// parseStored reads a stored definition. Problems stand where they stood in
// the file that it was applied from; those that are found in the document
// later are as many lines off as offset says.
func parseStored(def store.Definition) (doc jobyaml.Document, offset int, problems []banto.Problem) {
	name := def.File
	if name == "" {
		name = def.Path
	}
	docs, problems := jobyaml.Parse(name, []byte(def.Source))
	if len(problems) > 0 {
		shift(problems, name, def.Line-1) // about: what stands before its first key is not known
		return jobyaml.Document{}, 0, problems
	}
	if len(docs) != 1 || docs[0].Path != def.Path || docs[0].Kind != string(def.Kind) {
		return jobyaml.Document{}, 0, []banto.Problem{{
			File: name, Line: def.Line, Column: 1,
			Message: fmt.Sprintf("what is stored as version %d of %s %s is not that", def.Version, def.Kind, def.Path),
		}}
	}
	return docs[0], def.Line - docs[0].Line, nil
}

// shift moves problems of a document's own text to where it stood in its
// file. Those of its folders stay where they are.
func shift(problems []banto.Problem, file string, lines int) {
	for i := range problems {
		if problems[i].Line > 0 && problems[i].File == file {
			problems[i].Line = max(1, problems[i].Line+lines)
		}
	}
}

// failed turns an error of the store into one that people are told.
func failed(what string, kind store.DefinitionKind, name string, err error) error {
	var e *banto.ErrorInfo
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, store.ErrNotFound):
		return banto.Fail(banto.KindNotFound, what, fmt.Sprintf("there is no %s %s", kind, name), fmt.Sprintf("banto %s list", kind)).Because(err)
	case errors.Is(err, store.ErrDeposed):
		return banto.Fail(banto.KindUnavailable, what, "another manager is active", "try again in a moment").Because(err)
	case errors.Is(err, store.ErrPoison):
		return banto.Fail(banto.KindInvalid, what, "it holds text that cannot be stored", "remove NUL characters").Because(err)
	case errors.Is(err, store.ErrFull):
		return banto.Fail(banto.KindUnavailable, what, "the manager's disk is full", "make room in its data directory").Because(err)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return banto.Fail(banto.KindUnavailable, what, "the request was given up", "").Because(err)
	}
	return banto.Fail(banto.KindInternal, what, "the store failed", "the manager's log says more").Because(err)
}
