package pack

import (
	"slices"
	"strings"
	"testing"
)

// N-2: what a2enmod reads names every other module of the kind, and nothing but
// what loads it; directives are apart, and hold only where the module is.
func TestDebianSnippets(t *testing.T) {
	for name, not := range map[string]string{"wsgi": "", "wsgi-py311": "wsgi"} {
		files := debianSnippets(name, snippet{comment: []string{"who"}, load: []string{`LoadFile "x"`, `LoadModule wsgi_module "y"`}, directives: []string{`WSGIPythonHome "z"`}})
		if len(files) != 2 || files[0].Path != "/etc/apache2/mods-available/"+name+".conf" || files[1].Path != "/etc/apache2/mods-available/"+name+".load" {
			t.Fatalf("%+v", files)
		}
		conflicts, load, _ := strings.Cut(string(files[1].Data), "\n")
		names := strings.Fields(strings.TrimPrefix(conflicts, "# Conflicts:"))
		if load != "LoadFile \"x\"\nLoadModule wsgi_module \"y\"\n" || slices.Contains(names, name) || not != "" && !slices.Contains(names, not) || !slices.Contains(names, "wsgi-py313t") || len(names) != 10 {
			t.Errorf("%s", files[1].Data)
		}
		if want := "<IfModule wsgi_module>\n    # who\n    WSGIPythonHome \"z\"\n</IfModule>\n"; string(files[0].Data) != want {
			t.Errorf("%s", files[0].Data)
		}
	}
}

// N-3: elsewhere a module that is loaded already stays, without directives that it
// may not know.
func TestGuarded(t *testing.T) {
	files := snippet{comment: []string{"who"}, load: []string{"LoadModule wsgi_module x"}, directives: []string{"WSGIPythonHome z"}}.guarded("/etc/x.conf")
	want := "# who\n<IfModule !wsgi_module>\n    LoadModule wsgi_module x\n    WSGIPythonHome z\n</IfModule>\n"
	if len(files) != 1 || string(files[0].Data) != want || files[0].Kind != Config {
		t.Errorf("%+v", files)
	}
}
