package verbs

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"modwsgi/apxs"
	"modwsgi/installer"
	"modwsgi/internal/options"
	"modwsgi/pybuild"
)

// N-5: the directives alone, the files of the family, and a document.
func TestConfigFormats(t *testing.T) {
	for _, c := range []struct {
		name string
		env  []string
		want string
	}{
		{"lines", nil, "LoadModule wsgi_module \"/m/mod_wsgi.so\"\nWSGIPythonHome \"/srv/venv\"\n"},
		{"file", []string{"MODWSGI_FORMAT=file"}, "# /etc/apache2/conf.d/wsgi.conf\n<IfModule !wsgi_module>\n    LoadModule wsgi_module \"/m/mod_wsgi.so\"\n</IfModule>\n<IfModule wsgi_module>\n    WSGIPythonHome \"/srv/venv\"\n</IfModule>\n"},
		{"json", []string{"MODWSGI_OUTPUT=json"}, "LoadModule wsgi_module \"/m/mod_wsgi.so\"\nWSGIPythonHome \"/srv/venv\"\n"},
	} {
		set, err := options.Resolve("config", nil, append(os.Environ(), c.env...), t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		j := &Job{Set: set, R: set.Runner(), Out: &out}
		a := apxs.Info{Family: apxs.FamilySUSE, ConfFile: "/etc/apache2/httpd.conf"}
		if err := Config(j, installer.Layout{Module: "/m/mod_wsgi.so"}, a, pybuild.Info{Prefix: "/srv/venv", BasePrefix: "/usr"}); err != nil {
			t.Fatal(err)
		}
		got := out.String()
		if c.name == "json" {
			var document struct{ Snippet []string }
			if err := json.Unmarshal(out.Bytes(), &document); err != nil {
				t.Error(err)
			}
			got = strings.Join(document.Snippet, "\n") + "\n"
		}
		if got != c.want {
			t.Errorf("%s: %s", c.name, got)
		}
	}
}
