package jobnet

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
)

// typer walks an expression, refuses what is not of our language, says what
// type it gives, and puts calls in the place of references. After a fault the
// type is "", which fits everywhere, so that one fault is told once.
type typer struct {
	names *namespace
	a     *analysis
	nodes int
}

func (t *typer) fault(n ast.Node, hint, format string, args ...any) Type {
	t.a.fault(n.Location().From, fmt.Sprintf(format, args...), hint)
	return ""
}

func (t *typer) typeOf(at *ast.Node) Type {
	if t.nodes++; t.nodes > maxNodes {
		if t.nodes == maxNodes+1 {
			t.fault(*at, "let a job work it out and set a variable", "the expression has more than %d parts", maxNodes)
		}
		return ""
	}
	switch n := (*at).(type) {
	case *ast.StringNode:
		return String
	case *ast.IntegerNode:
		return Integer
	case *ast.FloatNode:
		return Number
	case *ast.BoolNode:
		return Boolean
	case *ast.IdentifierNode:
		return t.identifier(at, n)
	case *ast.MemberNode:
		return t.member(at, n)
	case *ast.UnaryNode:
		return t.unary(n)
	case *ast.BinaryNode:
		return t.binary(at, n)
	case *ast.ConditionalNode:
		return t.conditional(n)
	case *ast.CallNode:
		return t.call(n)
	case *ast.BuiltinNode:
		return t.noFunction(n, n.Name)
	case *ast.NilNode:
		return t.fault(n, "a value that is not set stops the part by itself", "there is no nil")
	case *ast.ArrayNode:
		return t.fault(n, `write it behind in: params.mode in ["full", "diff"]`, "a list cannot stand here")
	}
	return t.fault(*at, "only values, operators and the listed functions can", "this cannot stand in an expression")
}

func (t *typer) identifier(at *ast.Node, n *ast.IdentifierNode) Type {
	if kind, ok := wordRef(n.Value); ok {
		return t.reference(at, &ref{kind: kind, at: n.Location().From})
	}
	if n.Value == "params" {
		return t.fault(n, "write params.name", "params alone is no value")
	}
	if p := t.names.part(n.Value); p != nil {
		hint := fmt.Sprintf("write %s.outcome, %s.exit, %s.output or a variable that it sets", n.Value, n.Value, n.Value)
		if !p.Kind.Runs() {
			hint = fmt.Sprintf("write %s.outcome", n.Value)
		}
		return t.fault(n, hint, "the part %s alone is no value", n.Value)
	}
	if _, ok := t.names.params[n.Value]; ok {
		return t.fault(n, "write params."+n.Value, "%s is not known", n.Value)
	}
	if n.Value == "else" {
		return t.fault(n, "", "else cannot stand here")
	}
	candidates := func() []string { return append([]string{"date", "tracker", "attempt", "params"}, t.names.all()...) }
	return t.fault(n, t.names.hint(n.Value, candidates, "names are params.x, part.x, date, tracker and attempt; texts stand in quotes"), "%s is not known", n.Value)
}

func (t *typer) member(at *ast.Node, n *ast.MemberNode) Type {
	property, named := n.Property.(*ast.StringNode)
	if owner, ok := n.Node.(*ast.IdentifierNode); ok && named && !n.Optional {
		if _, word := wordRef(owner.Value); !word {
			r := &ref{kind: refPart, name: owner.Value, field: property.Value, at: n.Node.Location().From}
			if owner.Value == "params" {
				r = &ref{kind: refParam, name: property.Value, at: r.at}
			}
			return t.reference(at, r)
		}
	}
	if n.Optional || named {
		return t.fault(n, "only params and parts have values behind a dot", "this has no values of its own")
	}
	of, index := t.typeOf(&n.Node), t.typeOf(&n.Property)
	switch {
	case of == "" || index == "":
		return String
	case of != List:
		return t.fault(n, "only a list has items", "%s has no items", article(of))
	case index != Integer:
		return t.fault(n.Property, "items are counted from 0: params.files[0]", "%s is not the place of an item", article(index))
	}
	return String
}

// reference looks a reference up and puts a call in its place.
func (t *typer) reference(at *ast.Node, r *ref) Type {
	if f := t.names.lookUp(r); f != nil {
		t.a.faults = append(t.a.faults, *f)
		return ""
	}
	slot := &ast.IntegerNode{Value: len(t.a.refs)}
	t.a.refs = append(t.a.refs, r)
	ast.Patch(at, &ast.CallNode{
		Callee:    &ast.IdentifierNode{Value: refName(r.typ)},
		Arguments: []ast.Node{&ast.IdentifierNode{Value: frameName}, slot},
	})
	return r.typ
}

// lookUp finds the type of a reference.
func (ns *namespace) lookUp(r *ref) *fault {
	switch r.kind {
	case refDate:
		r.typ = DateT
	case refTracker:
		r.typ = String
	case refAttempt:
		r.typ = Integer
	case refParam:
		typ, ok := ns.params[r.name]
		if !ok {
			return &fault{r.at, fmt.Sprintf("there is no parameter %s", r.name), ns.hint(r.name, ns.paramNames, "declare it under params")}
		}
		if r.typ = typ; typ == Choice {
			r.typ = String
		}
	case refPart:
		return ns.lookUpPart(r)
	}
	return nil
}

func (ns *namespace) paramNames() []string {
	names := make([]string, 0, len(ns.params))
	for name := range ns.params {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (ns *namespace) lookUpPart(r *ref) *fault {
	p := ns.part(r.name)
	if p == nil {
		return &fault{r.at, fmt.Sprintf("there is no part %s", r.name), ns.hint(r.name, ns.all, "names are params.x, part.x, date, tracker and attempt")}
	}
	switch {
	case r.field == fieldOutcome:
		r.typ = String
		return nil
	case r.field == fieldExit && p.Kind == KindJobnet:
		r.typ = Integer
		return nil
	case p.Kind != "" && !p.Kind.Runs():
		return &fault{r.at, fmt.Sprintf("%s has no %s: it runs nothing", r.name, r.field), fmt.Sprintf("it has %s.outcome alone", r.name)}
	}
	switch r.field {
	case fieldOutput:
		r.typ = String
		return nil
	case fieldExit:
		r.typ = Integer
		return nil
	case fieldResult:
		return &fault{r.at, "result is not supported by this version", "let the job set a variable and name it under sets"}
	}
	for _, s := range p.Sets {
		if s.Name == r.field {
			r.typ = s.Type
			return nil
		}
	}
	names := func() []string {
		names := []string{fieldOutcome, fieldExit, fieldOutput}
		for _, s := range p.Sets {
			names = append(names, s.Name)
		}
		return names
	}
	return &fault{r.at, fmt.Sprintf("%s sets no variable %s", r.name, r.field),
		ns.hint(r.field, names, fmt.Sprintf("declare it in %s: sets: {%s: integer}", r.name, r.field))}
}

func (t *typer) unary(n *ast.UnaryNode) Type {
	of := t.typeOf(&n.Node)
	switch n.Operator {
	case "!", "not":
		if of != "" && of != Boolean {
			return t.fault(n, "it turns true into false", "%s wants true or false, not %s", n.Operator, article(of))
		}
		return Boolean
	case "-", "+":
		if of != "" && !numeric(of) {
			return t.fault(n, "", "%s wants a number, not %s", n.Operator, article(of))
		}
		return of
	}
	return t.fault(n, "", "%s is not an operator of expressions", n.Operator)
}

func (t *typer) conditional(n *ast.ConditionalNode) Type {
	if c := t.typeOf(&n.Cond); c != "" && c != Boolean {
		t.fault(n.Cond, "", "what stands before ? must be true or false, not %s", article(c))
	}
	a, b := t.typeOf(&n.Exp1), t.typeOf(&n.Exp2)
	switch {
	case a == "" || b == "":
		return ""
	case a == b:
		return a
	}
	return t.fault(n.Exp2, "use string(…) or int(…)", "one way gives %s, the other %s", article(a), article(b))
}

func (t *typer) call(n *ast.CallNode) Type {
	callee, ok := n.Callee.(*ast.IdentifierNode)
	if !ok {
		return t.fault(n, "only the listed functions can be called", "this is not a function")
	}
	f := functionNamed(callee.Value)
	if f == nil {
		return t.noFunction(n, callee.Value)
	}
	if len(n.Arguments) != len(f.params) {
		t.fault(n, "write "+f.usage, "%s takes %d values, not %d", f.name, len(f.params), len(n.Arguments))
		return f.gives
	}
	for i := range n.Arguments {
		got := t.typeOf(&n.Arguments[i])
		if got != "" && !oneOf(got, f.params[i]) {
			t.fault(n.Arguments[i], "write "+f.usage, "%s wants %s here, not %s", f.name, article(f.params[i][0]), article(got))
		}
	}
	if pattern, ok := n.Arguments[len(n.Arguments)-1].(*ast.StringNode); ok && f.name == "format" {
		if fault := formatFault(pattern.Value); fault != "" {
			t.fault(pattern, formatHint, "%s", fault)
		}
	}
	return f.gives
}

func (t *typer) noFunction(n ast.Node, name string) Type {
	if why, later := laterFunction(name); later {
		return t.fault(n, why, "%s is not supported by this version", name)
	}
	return t.fault(n, didYouMean(name, functionNames(), "functions are "+strings.Join(functionNames(), ", ")), "there is no function %s", name)
}

func numeric(t Type) bool { return t == Integer || t == Number }

func oneOf(t Type, types []Type) bool {
	for _, u := range types {
		if t == u {
			return true
		}
	}
	return false
}

func article(t Type) string {
	switch t {
	case Integer:
		return "an integer"
	case String, Choice:
		return "a text"
	case Boolean:
		return "true or false"
	}
	return "a " + string(t)
}

// patternFault says why a regular expression cannot be used, or "".
func patternFault(pattern string) string {
	if _, err := regexp.Compile(pattern); err != nil {
		return strings.TrimPrefix(err.Error(), "error parsing regexp: ")
	}
	return ""
}

// syntax notes an error of the parser in our words.
func (a *analysis) syntax(err error) {
	var f *file.Error
	if !errors.As(err, &f) {
		a.fault(0, err.Error(), "")
		return
	}
	message, hint := f.Message, ""
	switch {
	case strings.Contains(message, "unexpected token EOF"):
		message = "the expression ends too early"
	case strings.Contains(message, `Bracket("{")`):
		message, hint = "a { has no place in an expression", "write the expression itself: params.name, not ${params.name}"
	case strings.Contains(message, `Operator("=")`):
		message, hint = "= does not compare", "write == for equal"
	case strings.Contains(message, `Operator("contains")`), strings.Contains(message, `Operator("matches")`):
		hint = `they stand between two texts: params.name contains "x", params.name matches "^x"`
	case strings.Contains(message, `Operator("in")`), strings.Contains(message, `Operator("not")`), strings.Contains(message, `Operator("and")`), strings.Contains(message, `Operator("or")`):
		hint = "in, not, and, or are operators and cannot be names"
	}
	a.fault(f.From, message, hint)
}
