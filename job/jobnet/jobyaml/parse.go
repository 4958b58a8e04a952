package jobyaml

import (
	"fmt"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/jobnet"
)

// Limits of one file.
const (
	MaxSize      = 16 << 20  // bytes
	maxStructure = 3_000_000 // marks that can begin a node, see structure
	maxVisits    = 4_000_000 // nodes, those behind aliases counted each time
	maxText      = 32 << 20  // bytes of texts, those behind aliases counted each time
	maxDocuments = 20_000
)

// Document is one definition of a file.
type Document struct {
	Kind    string // jobnet, folder, group or account
	Path    string // the name, of a group or an account
	Jobnet  *jobnet.Jobnet
	Folder  *jobnet.Folder
	Group   *jobnet.Group
	Account *jobnet.Account
	Source  string // its YAML text
	File    string
	Line    int // where its text begins
}

// Title gives the document's name for people.
func (d Document) Title() string {
	switch {
	case d.Jobnet != nil:
		return d.Jobnet.Title
	case d.Folder != nil:
		return d.Folder.Title
	case d.Group != nil:
		return d.Group.Title
	case d.Account != nil:
		return d.Account.Title
	}
	return ""
}

// Parse reads a file of definitions. There are no documents when there are
// problems, and the problems are then all that can be told of the file
// without its folders; else compiling its jobnets tells the rest.
func Parse(file string, text []byte) ([]Document, []banto.Problem) {
	r := &reader{report: &jobnet.Report{File: file}, table: newTable(), file: file}
	if !r.acceptable(text) {
		return nil, r.report.Problems()
	}
	var docs []Document
	pieces := split(string(text))
	if len(pieces) > maxDocuments {
		r.report.Add(jobnet.Pos{Line: pieces[maxDocuments].base + 1, Column: 1}, "", fmt.Sprintf("the file holds more than %d documents", maxDocuments), "cut it into several files")
		return nil, r.report.Problems()
	}
	for _, p := range pieces {
		if d, ok := r.document(p); ok {
			docs = append(docs, d)
		}
	}
	if len(docs) == 0 && r.report.Len() == 0 {
		r.report.Add(jobnet.Pos{Line: 1, Column: 1}, "", "the file holds no definition", "write jobnet: with a path, and parts:")
	}
	r.duplicates(docs)
	for _, d := range docs {
		switch {
		case d.Folder != nil:
			d.Folder.Check(r.report)
		case d.Group != nil:
			d.Group.Check(r.report)
		case d.Account != nil:
			d.Account.Check(r.report)
		}
	}
	if r.report.Len() == 0 {
		return docs, nil
	}
	for _, d := range docs {
		if d.Jobnet != nil {
			d.Jobnet.Check(r.report)
		}
	}
	return nil, r.report.Problems()
}

// duplicates reports definitions that stand in the file twice.
func (r *reader) duplicates(docs []Document) {
	first := map[string]int{}
	for _, d := range docs {
		name := d.Kind + " " + d.Path
		if line, ok := first[name]; ok && d.Path != "" {
			r.report.Add(jobnet.Pos{Line: d.Line, Column: 1}, d.Kind, fmt.Sprintf("the %s stands in this file twice, first in line %d", name, line), "take one of them away")
			continue
		}
		first[name] = d.Line
	}
}
