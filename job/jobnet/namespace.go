package jobnet

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/bantoops/banto"
	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/checker"
	"github.com/expr-lang/expr/compiler"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"
)

// Limits of expressions.
const (
	maxExpression  = 4096 // characters
	maxExpressions = 2 * MaxParts
	maxNodes       = 256
	memoryBudget   = 10_000
)

// namespace is what the expressions of one flow may name, and their programs.
// Many parts say the same thing, so a program is kept under its source. The
// lock is there because trackers share a flow.
type namespace struct {
	params map[string]Type
	part   func(name string) *FlowPart // nil: there is none
	all    func() []string             // the names of the parts, for hints
	silent func() bool                 // no hints are wanted; may be nil

	mu       sync.Mutex
	config   *conf.Config
	analyses map[string]*analysis
}

// analysis is what is known of one expression.
type analysis struct {
	source  string
	typ     Type
	refs    []*ref
	faults  []fault
	program *vm.Program // nil when there are faults
}

// fault is something wrong at a place of a text, in characters from 0.
type fault struct {
	at            int
	message, hint string
}

// frame is what a program runs on.
type frame struct {
	scope Scope
	refs  []*ref
}

// eval runs an expression.
func (ns *namespace) eval(source string, s Scope) (Value, error) {
	a := ns.analyse(source)
	if len(a.faults) > 0 {
		return nil, fmt.Errorf("cannot evaluate %q: %s", clip(source), a.faults[0].message)
	}
	machine := vm.VM{MemoryBudget: memoryBudget}
	v, err := machine.Run(a.program, map[string]any{frameName: &frame{s, a.refs}})
	if err != nil {
		return nil, fmt.Errorf("cannot evaluate %q: %s", clip(source), plainMessage(err))
	}
	return v, nil
}

// plainMessage drops the drawing that the expression engine puts below its
// errors.
func plainMessage(err error) string {
	var f *file.Error
	if !errors.As(err, &f) {
		return err.Error()
	}
	if f.Prev != nil {
		return strings.TrimPrefix(f.Prev.Error(), "runtime error: ")
	}
	return f.Message
}

// hint makes the hint of a word that is not known.
func (ns *namespace) hint(word string, candidates func() []string, otherwise string) string {
	if ns.silent != nil && ns.silent() {
		return ""
	}
	return didYouMean(word, candidates(), otherwise)
}

// forget drops the programs, which are made again when they are needed.
func (ns *namespace) forget() {
	ns.mu.Lock()
	defer ns.mu.Unlock()
	ns.config, ns.analyses, ns.silent = nil, nil, nil
}

// analyse types and compiles an expression, once.
func (ns *namespace) analyse(source string) *analysis {
	ns.mu.Lock()
	defer ns.mu.Unlock()
	if a, ok := ns.analyses[source]; ok {
		return a
	}
	if ns.config == nil {
		ns.config = newConfig()
		ns.analyses = map[string]*analysis{}
	}
	a := &analysis{source: Normal(source)}
	if len(ns.analyses) >= maxExpressions {
		a.fault(0, fmt.Sprintf("the jobnet has more than %d different expressions", maxExpressions), "cut it into several jobnets")
		return a
	}
	a.compile(ns)
	ns.analyses[source] = a
	return a
}

func (a *analysis) compile(ns *namespace) {
	if utf8.RuneCountInString(a.source) > maxExpression {
		a.fault(0, fmt.Sprintf("the expression is longer than %d characters", maxExpression), "let a job work it out and set a variable")
		return
	}
	tree, err := parser.ParseWithConfig(a.source, ns.config)
	if err != nil {
		a.syntax(err)
		return
	}
	t := typer{names: ns, a: a}
	a.typ = t.typeOf(&tree.Node)
	if len(a.faults) > 0 {
		return
	}
	// The typer has refused all that could go wrong from here on; the checker
	// tells the compiler what it needs to know of the types.
	if _, err := checker.Check(tree, ns.config); err != nil {
		a.fault(0, plainMessage(err), "")
		return
	}
	program, err := compiler.Compile(tree, ns.config)
	if err != nil {
		a.fault(0, plainMessage(err), "")
		return
	}
	a.program = program
}

func (a *analysis) fault(at int, message, hint string) {
	a.faults = append(a.faults, fault{at, message, hint})
}

// newConfig switches everything of the expression engine off but its
// operators, and puts in our functions, and those that the typer puts in the
// place of references and of comparisons of dates.
func newConfig() *conf.Config {
	c := conf.New(map[string]any{frameName: (*frame)(nil)})
	c.MaxNodes = 4 * maxNodes // the typer adds nodes; it counts those of the source itself
	c.Optimize = false
	options := []expr.Option{expr.DisableAllBuiltins()}
	for _, name := range functionNames() {
		f := functionNamed(name)
		options = append(options, expr.Function(f.name, f.call, f.goType))
	}
	for t, goType := range map[Type]any{
		String: new(func(any, int) string), Integer: new(func(any, int) int), Number: new(func(any, int) float64),
		Boolean: new(func(any, int) bool), DateT: new(func(any, int) banto.Date), List: new(func(any, int) []string),
	} {
		options = append(options, expr.Function(refName(t), fetch, goType))
	}
	options = append(options, expr.Function(compareName, compareDates, new(func(any, any) int)))
	for _, option := range options {
		option(c)
	}
	for name := range c.Disabled {
		delete(c.Builtins, name)
	}
	return c
}

// Names inside programs. The typer accepts only our own functions' names from
// a source, so these cannot be called from there.
const (
	frameName   = "frame"
	compareName = "compare_dates"
)

func refName(t Type) string { return "ref_" + string(t) }

func fetch(args ...any) (any, error) {
	f := args[0].(*frame)
	return f.refs[args[1].(int)].typed(f.scope)
}

func compareDates(args ...any) (any, error) {
	return args[0].(banto.Date).Time().Compare(args[1].(banto.Date).Time()), nil
}
