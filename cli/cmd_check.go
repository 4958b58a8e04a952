package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/jobnet"
	"github.com/bantoops/banto/job/jobnet/jobyaml"
	"github.com/spf13/cobra"
)

func newCheckCommand(e *env) *cobra.Command {
	var asJSON bool
	cmd := e.command("check FILE|DIR…", e.say("Check definitions, without a manager"), func(_ *cobra.Command, args []string) error {
		return e.check(args, asJSON)
	})
	cmd.Long = e.say("Checks definitions, without a manager: all that is wrong, each with its place and what to write.\nWhat only a manager can know, such as whether a host exists, is listed as a note.\nExit code 2 when something is wrong.")
	cmd.Example = "  banto check nightly.yaml\n  banto check jobnets/\n  generate | banto check -"
	cmd.Args = e.takes(1, -1, "FILE|DIR")
	cmd.Flags().BoolVar(&asJSON, "json", false, e.say("write one JSON document"))
	return cmd
}

// checked is what check found, as programs read it.
type checked struct {
	OK        bool              `json:"ok"`
	Documents []checkedDocument `json:"documents"`
	Problems  []banto.Problem   `json:"problems"`
	Notes     []checkedNote     `json:"notes"`

	jobnets map[string]*jobnet.Jobnet // of the files
}

type checkedDocument struct {
	Kind  string `json:"kind"`
	Path  string `json:"path"`
	File  string `json:"file"`
	Line  int    `json:"line"`
	Parts int    `json:"parts,omitempty"`
}

// checkedNote is a name that a definition holds and that only a manager can
// know: of a host or a group, or of an account, which may be an OS user too.
type checkedNote struct {
	Path    string `json:"path"`
	Host    string `json:"host,omitempty"`
	Account string `json:"account,omitempty"`
	Jobnet  string `json:"jobnet,omitempty"`
}

func (e *env) check(paths []string, asJSON bool) error {
	files, err := e.readDefinitions(paths)
	var found checked
	if err == nil {
		found = checkFiles(files)
	} else {
		info, ok := err.(*banto.ErrorInfo) //nolint:errorlint // readDefinitions makes it itself
		if !ok || !asJSON {
			return err
		}
		found.Problems = info.Problems
	}
	found.OK = len(found.Problems) == 0
	if asJSON {
		err = e.document(found)
	} else {
		err = e.writeChecked(found, len(files))
	}
	if err != nil {
		return err
	}
	if !found.OK {
		info := banto.Fail(banto.KindInvalid, e.say("cannot accept the definitions"), counted(e, len(found.Problems)), "")
		if !asJSON {
			info.Problems = found.Problems
		}
		return info
	}
	return nil
}

// checkFiles checks definitions among each other.
func checkFiles(files []banto.File) checked {
	found := checked{Documents: []checkedDocument{}, Problems: []banto.Problem{}, Notes: []checkedNote{}, jobnets: map[string]*jobnet.Jobnet{}}
	var all []jobyaml.Document
	folders := map[string]*jobnet.Folder{}
	places := map[string]string{}
	for _, f := range files {
		documents, problems := jobyaml.Parse(f.Name, []byte(f.Text))
		found.Problems = append(found.Problems, problems...)
		for _, d := range documents {
			name := d.Kind + " " + d.Path
			if place, twice := places[name]; twice {
				found.Problems = append(found.Problems, banto.Problem{File: d.File, Line: d.Line, Path: d.Path,
					Message: fmt.Sprintf("%s is defined twice", name), Hint: "the other one is at " + place})
				continue
			}
			places[name] = fmt.Sprintf("%s:%d", d.File, d.Line)
			if d.Folder != nil {
				folders[d.Path] = d.Folder
			}
			all = append(all, d)
		}
	}
	here := map[string]bool{}
	for _, d := range all {
		here[d.Kind+" "+d.Path] = true
		if d.Jobnet != nil {
			found.jobnets[d.Path] = d.Jobnet
		}
	}
	for _, d := range all {
		found.one(d, folders, here)
	}
	return found
}

// one checks a document with the folders above it. here holds what the files
// define.
func (c *checked) one(d jobyaml.Document, folders map[string]*jobnet.Folder, here map[string]bool) {
	document := checkedDocument{Kind: d.Kind, Path: d.Path, File: d.File, Line: d.Line}
	hosts := func(names []string) {
		for _, name := range names {
			if !here["group "+name] {
				c.Notes = append(c.Notes, checkedNote{Path: d.Path, Host: name})
			}
		}
	}
	switch {
	case d.Jobnet != nil:
		document.Parts = len(d.Jobnet.Parts)
		flow := c.compile(d, folders)
		if flow == nil {
			break
		}
		hosts(flow.HostRefs())
		for _, path := range flow.Calls() {
			if !here["jobnet "+path] {
				c.Notes = append(c.Notes, checkedNote{Path: d.Path, Jobnet: path})
			}
		}
		c.calls(d)
		for _, name := range flow.AccountRefs() {
			if !here["account "+name] {
				c.Notes = append(c.Notes, checkedNote{Path: d.Path, Account: name})
			}
		}
	case d.Group != nil:
		hosts(d.Group.Hosts)
	case d.Account != nil:
		hosts(d.Account.HostRefs())
	}
	c.Documents = append(c.Documents, document)
}

// compile gives the flow of a jobnet, or notes what is wrong with it.
func (c *checked) compile(d jobyaml.Document, folders map[string]*jobnet.Folder) *jobnet.Flow {
	var above []*jobnet.Folder
	for _, path := range jobnet.FolderChain(d.Path) {
		if f := folders[path]; f != nil {
			above = append(above, f)
		}
	}
	flow, problems := jobnet.Compile(d.Jobnet, above)
	for _, p := range problems {
		if p.File == "" {
			p.File = d.File
		}
		c.Problems = append(c.Problems, p)
	}
	return flow
}

func (e *env) writeChecked(found checked, files int) error {
	if !found.OK {
		return nil // told as an error
	}
	var b strings.Builder
	p := e.pen()
	for _, d := range found.Documents {
		what := e.kind(d.Kind)
		if d.Kind == "jobnet" {
			what = e.say("jobnet, %d parts", d.Parts)
		}
		b.WriteString(p.paint(styleGreen, "✓") + " " + plain(d.Path) + " (" + what + ")\n")
	}
	hosts, accounts, jobnets := map[string][]string{}, map[string][]string{}, map[string][]string{}
	for _, n := range found.Notes {
		switch {
		case n.Host != "":
			hosts[n.Host] = append(hosts[n.Host], plain(n.Path))
		case n.Jobnet != "":
			jobnets[n.Jobnet] = append(jobnets[n.Jobnet], plain(n.Path))
		default:
			accounts[n.Account] = append(accounts[n.Account], plain(n.Path))
		}
	}
	for _, path := range slices.Sorted(maps.Keys(jobnets)) {
		b.WriteString(e.say("note: jobnet %s is not in these files; the manager looks for it (%s)", plain(path), strings.Join(jobnets[path], ", ")) + "\n")
	}
	for _, host := range slices.Sorted(maps.Keys(hosts)) {
		b.WriteString(e.say("note: whether host %s exists is known to the manager alone (%s)", plain(host), strings.Join(hosts[host], ", ")) + "\n")
	}
	for _, name := range slices.Sorted(maps.Keys(accounts)) {
		b.WriteString(e.say("note: whether %s is an account or an OS user is known to the manager alone (%s)", plain(name), strings.Join(accounts[name], ", ")) + "\n")
	}
	b.WriteString(e.say("files: %d, definitions: %d; nothing is wrong", files, len(found.Documents)) + "\n")
	_, err := e.std.Out.Write([]byte(b.String()))
	return e.written(err)
}

// calls checks what a jobnet of the files hands to others of them.
func (c *checked) calls(d jobyaml.Document) {
	callee := func(path string) (*jobnet.Jobnet, error) { return c.jobnets[path], nil }
	for i := range d.Jobnet.Parts {
		p := &d.Jobnet.Parts[i]
		if p.Call == nil || c.jobnets[p.Call.Jobnet] == nil {
			continue
		}
		found := p.CheckCall(c.jobnets[p.Call.Jobnet])
		if ring, _ := jobnet.Ring(d.Path, p.Call.Jobnet, callee); ring != nil {
			problem := jobnet.InACircle(ring)
			problem.Line, problem.Column, problem.Path = p.Call.Pos.Line, p.Call.Pos.Column, "parts."+p.Name+".jobnet"
			found = append(found, problem)
		}
		for _, problem := range found {
			problem.File = d.File
			c.Problems = append(c.Problems, problem)
		}
	}
}
