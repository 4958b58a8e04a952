package jobnet

import "github.com/expr-lang/expr/ast"

func (t *typer) binary(at *ast.Node, n *ast.BinaryNode) Type {
	if n.Operator == "in" {
		return t.in(n)
	}
	l, r := t.typeOf(&n.Left), t.typeOf(&n.Right)
	known := l != "" && r != ""
	switch n.Operator {
	case "and", "or", "&&", "||":
		if l != "" && l != Boolean || r != "" && r != Boolean {
			t.mismatch(n, l, r, "both sides must be true or false")
		}
		return Boolean
	case "==", "!=", "<", ">", "<=", ">=":
		if known {
			t.comparison(at, n, l, r)
		}
		return Boolean
	case "contains":
		if known && l == List && r == String {
			n.Operator, n.Left, n.Right = "in", n.Right, n.Left
		} else if known && (l != String || r != String) {
			t.mismatch(n, l, r, "it looks for a text in a text or in a list")
		}
		return Boolean
	case "matches":
		if known && (l != String || r != String) {
			t.mismatch(n, l, r, "both sides must be texts")
		}
		if p, ok := n.Right.(*ast.StringNode); ok {
			if fault := patternFault(p.Value); fault != "" {
				t.fault(n.Right, "it is a regular expression of Go's kind", "%s", fault)
			}
		}
		return Boolean
	case "+", "-", "*", "/", "%", "**", "^":
		if !known {
			return ""
		}
		return t.arithmetic(n, l, r)
	}
	return t.fault(n, "operators are == != < > <= >= && || ! + - * / % in, contains, matches and a ? b : c", "%s is not an operator of expressions", n.Operator)
}

func (t *typer) mismatch(n *ast.BinaryNode, l, r Type, hint string) Type {
	return t.fault(n, hint, "%s does not go with %s and %s", n.Operator, orUnknown(l), orUnknown(r))
}

func orUnknown(t Type) string {
	if t == "" {
		return "something"
	}
	return article(t)
}

// comparison checks the sides; dates are compared by a call, since the
// expression engine knows nothing of them.
func (t *typer) comparison(at *ast.Node, n *ast.BinaryNode, l, r Type) {
	ordered := n.Operator != "==" && n.Operator != "!="
	switch {
	case l == DateT && r == DateT:
		op := n.Operator
		call := &ast.CallNode{Callee: &ast.IdentifierNode{Value: compareName}, Arguments: []ast.Node{n.Left, n.Right}}
		call.SetLocation(n.Location())
		ast.Patch(at, &ast.BinaryNode{Operator: op, Left: call, Right: &ast.IntegerNode{Value: 0}})
	case numeric(l) && numeric(r), l == String && r == String, l == Boolean && r == Boolean && !ordered:
	case l == String && numeric(r), r == String && numeric(l):
		t.mismatch(n, l, r, "declare the type: integer, or write int(…)")
	case l == DateT && r == String, l == String && r == DateT:
		t.mismatch(n, l, r, `compare texts: format(date, 'yyyy-mm-dd') == "2026-11-21"`)
	default:
		t.mismatch(n, l, r, "both sides must be of one type")
	}
}

func (t *typer) arithmetic(n *ast.BinaryNode, l, r Type) Type {
	switch {
	case n.Operator == "+" && l == String && r == String:
		return String
	case n.Operator == "%" && l == Integer && r == Integer:
		return Integer
	case n.Operator == "%" || !numeric(l) || !numeric(r):
		hint := "both sides must be numbers"
		if n.Operator == "+" && (l == String || r == String) {
			hint = "use string(…) to join texts, int(…) to add"
		}
		if l == DateT || r == DateT {
			hint = "write add_days(date, 1)"
		}
		return t.mismatch(n, l, r, hint)
	case n.Operator == "/" || n.Operator == "**" || n.Operator == "^" || l == Number || r == Number:
		return Number
	}
	return Integer
}

func (t *typer) in(n *ast.BinaryNode) Type {
	l := t.typeOf(&n.Left)
	items, ok := n.Right.(*ast.ArrayNode)
	if !ok {
		if r := t.typeOf(&n.Right); l != "" && r != "" && (l != String || r != List) {
			t.mismatch(n, l, r, "it looks for a text in a list")
		}
		return Boolean
	}
	for i := range items.Nodes {
		item := t.typeOf(&items.Nodes[i])
		if l != "" && item != "" && item != l && !(numeric(l) && numeric(item)) {
			t.fault(items.Nodes[i], "the items must be of one type with what is looked for", "in looks for %s, and this is %s", article(l), article(item))
		}
	}
	return Boolean
}
