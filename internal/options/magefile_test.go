package options

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// T-4: the flags of each Mage target are the options that have an effect on it,
// each of the right type and handed on under its own name.
func TestMagefile(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "..", "magefile.go"), nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok {
			continue
		}
		target := strings.ToLower(f.Name.Name)
		if f.Recv != nil { // of a namespace, whose targets may share their options
			namespace := strings.ToLower(f.Recv.List[0].Type.(*ast.Ident).Name)
			if target = namespace + ":" + target; slices.Contains(Targets(), namespace) {
				target = namespace
			}
		}
		seen[target] = true
		params := map[string]string{}
		for _, field := range f.Type.Params.List {
			if star, ok := field.Type.(*ast.StarExpr); ok {
				for _, name := range field.Names {
					params[name.Name] = star.X.(*ast.Ident).Name
				}
			}
		}
		for _, o := range Table() {
			want := ""
			if slices.Contains(o.Targets, target) {
				want = map[Kind]string{Count: "int", Switch: "bool"}[o.Kind]
				if want == "" {
					want = "string"
				}
			}
			if params[o.Name] != want {
				t.Errorf("%s: -%s is a *%s, want *%s", target, o.Name, params[o.Name], want)
			}
			delete(params, o.Name)
		}
		for name := range params {
			t.Errorf("%s: -%s is no option of the table", target, name)
		}
		checkFlags(t, target, f)
	}
	for _, target := range []string{"build", "prove", "verify", "clean", "package", "matrix:run"} {
		if !seen[target] {
			t.Errorf("there is no target %s", target)
		}
	}
}

// checkFlags looks at the options.Flags of a target: "name": name for each
// parameter.
func checkFlags(t *testing.T, target string, f *ast.FuncDecl) {
	t.Helper()
	handed := map[string]bool{}
	ast.Inspect(f.Body, func(n ast.Node) bool {
		kv, ok := n.(*ast.KeyValueExpr)
		if !ok {
			return true
		}
		key, isText := kv.Key.(*ast.BasicLit)
		value, isName := kv.Value.(*ast.Ident)
		if isText && isName {
			if strings.Trim(key.Value, `"`) != value.Name {
				t.Errorf("%s: %s is given %s", target, key.Value, value.Name)
			}
			handed[value.Name] = true
		}
		return true
	})
	for _, o := range Table() {
		if slices.Contains(o.Targets, target) && !handed[o.Name] {
			t.Errorf("%s: -%s is not handed on", target, o.Name)
		}
	}
}
