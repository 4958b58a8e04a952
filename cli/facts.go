package cli

// facts is a list of names and what stands for them, for one thing that is
// shown whole.
type facts struct{ rows [][]cell }

// add appends a fact; one without a text is left out.
func (f *facts) add(name, text string, look style) {
	if text != "" {
		f.rows = append(f.rows, []cell{{name, styleDim}, {text, look}})
	}
}

func (f *facts) write(e *env) error {
	t := table{columns: []column{{}, {least: 20}}, rows: f.rows}
	return t.write(e.std.Out, e.pen(), e.width())
}
