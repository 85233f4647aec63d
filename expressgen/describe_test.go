package expressgen

import "testing"

func TestDescribe(t *testing.T) {
	seen := map[string]Described{}
	for _, d := range Describe() {
		if d.Help == "" || d.Type == "" {
			t.Errorf("%+v says too little", d)
		}
		seen[d.Name] = d
	}
	if len(seen) != len(Table()) {
		t.Errorf("%d options, want %d", len(seen), len(Table()))
	}
	for name, want := range map[string]Described{
		"port":       {Arity: 1, Type: "int", Default: "8000"},
		"setenv":     {Arity: 2, Type: "str", Repeatable: true},
		"setup-only": {Arity: 0, Type: "bool"},
	} {
		if d := seen[name]; d.Arity != want.Arity || d.Type != want.Type || d.Default != want.Default || d.Repeatable != want.Repeatable {
			t.Errorf("%s is %+v", name, d)
		}
	}
}
