package plan

import "testing"

// M-15: what is printed to be typed is of the tool that the matrix is run by.
func TestTool(t *testing.T) {
	for _, tt := range []struct {
		tool                 Tool
		repro, option, merge string
	}{
		{Targets, "go tool mage matrix:run -cells='py3.13/*'", "-matrix_file='a b'", "go tool mage matrix:merge -plan=p.json shards"},
		{Program, "mod_wsgi-express matrix run 'py3.13/*'", "--matrix-file 'a b'", "mod_wsgi-express matrix merge --plan p.json shards"},
	} {
		if got := tt.tool.Repro("py3.13/*"); got != tt.repro {
			t.Errorf("%q: %s, want %s", tt.tool, got, tt.repro)
		}
		if got := tt.tool.Option("matrix_file", "a b"); got != tt.option {
			t.Errorf("%q: %s, want %s", tt.tool, got, tt.option)
		}
		if got := tt.tool.Command("merge", tt.tool.Option("plan", "p.json"), "shards"); got != tt.merge {
			t.Errorf("%q: %s, want %s", tt.tool, got, tt.merge)
		}
	}
}
