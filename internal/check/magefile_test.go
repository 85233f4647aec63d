package check

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"modwsgi/internal/options"
)

// target is an exported function of the magefile.
type target struct {
	name   string            // as it is typed
	params map[string]string // pointer parameters, which are flags, by what they point to
	decl   *ast.FuncDecl
}

// targets reads the magefile.
func targets(t *testing.T) []target {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "..", "magefile.go"), nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var list []target
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || !f.Name.IsExported() {
			continue
		}
		x := target{name: strings.ToLower(f.Name.Name), params: map[string]string{}, decl: f}
		if f.Recv != nil { // of a namespace, whose targets may be one to the table
			namespace := strings.ToLower(f.Recv.List[0].Type.(*ast.Ident).Name)
			if x.name = namespace + ":" + x.name; slices.Contains(options.Targets(), namespace) {
				x.name = namespace
			}
		}
		for _, field := range f.Type.Params.List {
			star, ok := field.Type.(*ast.StarExpr)
			if !ok {
				continue
			}
			for _, name := range field.Names {
				x.params[name.Name] = star.X.(*ast.Ident).Name
			}
		}
		list = append(list, x)
	}
	if len(list) < 10 {
		t.Fatalf("the magefile has %d targets", len(list))
	}
	return list
}

// commandsOnly are the rows of the option table that stand for a command of
// mod_wsgi-express, of which there is no target.
var commandsOnly = []string{"install-module"}

// T-4: of each target that the option table names there is one. That its flags
// are those of the table is held beside the table.
func TestTargetsOfTheTable(t *testing.T) {
	list := targets(t)
	for _, name := range options.Targets() {
		if !slices.Contains(commandsOnly, name) && !slices.ContainsFunc(list, func(x target) bool { return x.name == name }) {
			t.Errorf("the table names %s, which is no target", name)
		}
	}
}

// T-2, T-4: a target does nothing but put its flags together, under their own
// names, and hand on what one function of a package returns; by its own name.
func TestTargetsAreThin(t *testing.T) {
	for _, x := range targets(t) {
		if x.decl.Doc == nil || !strings.HasPrefix(x.decl.Doc.Text(), x.decl.Name.Name+" ") {
			t.Errorf("%s says nothing of itself: go tool mage -l would not either", x.name)
		}
		body := x.decl.Body.List
		given := map[string]string{}
		collect := func(n ast.Node) bool {
			if kv, ok := n.(*ast.KeyValueExpr); ok {
				key, isText := kv.Key.(*ast.BasicLit)
				value, isName := kv.Value.(*ast.Ident)
				if isText && isName {
					given[strings.Trim(key.Value, `"`)] = value.Name
				}
			}
			return true
		}
		ast.Inspect(x.decl.Body, collect)
		for name := range x.params {
			if given[name] != name {
				t.Errorf("%s gives -%s as %q", x.name, name, given[name])
			}
		}
		if len(given) != len(x.params) {
			t.Errorf("%s gives %d flags and has %d", x.name, len(given), len(x.params))
		}
		last, ok := body[len(body)-1].(*ast.ReturnStmt)
		if !ok || len(body) > 2 || len(last.Results) != 1 || !handsOn(last.Results[0], x.name) {
			t.Errorf("%s is not: flags, and return cli.ForMage(verbs.Do(ctx, %q, flags, function))", x.name, x.name)
		}
		if len(body) == 2 {
			if _, ok := body[0].(*ast.AssignStmt); !ok {
				t.Errorf("%s does more than to put its flags together", x.name)
			}
		}
	}
}

// handsOn tells whether e is cli.ForMage(verbs.Do(ctx, name, …, …)).
func handsOn(e ast.Expr, name string) bool {
	outer, ok := e.(*ast.CallExpr)
	if !ok || !isCall(outer, "cli", "ForMage") || len(outer.Args) != 1 {
		return false
	}
	inner, ok := outer.Args[0].(*ast.CallExpr)
	if !ok || !isCall(inner, "verbs", "Do") || len(inner.Args) != 4 {
		return false
	}
	text, ok := inner.Args[1].(*ast.BasicLit)
	return ok && text.Value == `"`+name+`"`
}

func isCall(c *ast.CallExpr, pkg, name string) bool {
	s, ok := c.Fun.(*ast.SelectorExpr)
	if !ok || s.Sel.Name != name {
		return false
	}
	x, ok := s.X.(*ast.Ident)
	return ok && x.Name == pkg
}

// T-3: what the specification suggests and is here is under its name.
func TestTargetNames(t *testing.T) {
	var names []string
	for _, x := range targets(t) {
		names = append(names, x.name)
	}
	for _, want := range []string{"discover", "apaches", "pythons", "build", "inspect", "verify", "install", "uninstall", "rollback", "check", "config", "doctor", "explain", "fetch", "package", "matrix:list", "matrix:run", "test", "lint", "clean"} {
		if !slices.Contains(names, want) {
			t.Errorf("there is no target %s", want)
		}
	}
}
