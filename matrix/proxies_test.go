package matrix

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"modwsgi/csrc"
)

// TestForwardedRegistry compares the table of the cases with the one in C, and
// with the document: no header is without its cases.
func TestForwardedRegistry(t *testing.T) {
	source, err := fs.ReadFile(csrc.Sources(), "wsgi_forwarded.c")
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile(`(?m)^    \{ "([\w-]+)",\s+WSGI_FORWARDED_(\w+),\s+WSGI_FORWARDED_(\w+) \}`)
	rows := row.FindAllStringSubmatch(string(source), -1)
	if len(rows) != len(forwardedHeaders) {
		t.Errorf("the registry in C has %d headers, the cases %d", len(rows), len(forwardedHeaders))
	}
	doc, err := os.ReadFile(filepath.Join("..", "docs", "directives.md"))
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range rows {
		if i < len(forwardedHeaders) {
			if f := forwardedHeaders[i]; r[1] != f.Header || r[2] != f.Category || r[3] != f.Effect {
				t.Errorf("row %d in C is %s, in the cases %s %s %s", i, r[0], f.Header, f.Category, f.Effect)
			}
		}
		if !strings.Contains(string(doc), "`"+r[1]+"`") {
			t.Errorf("docs/directives.md does not have %s", r[1])
		}
	}
}

// TestForwardedNeverAsks holds that what a client writes goes to no resolver:
// whatever could ask one, or open a socket, is not called.
func TestForwardedNeverAsks(t *testing.T) {
	calls := regexp.MustCompile(`\b(getaddrinfo|getnameinfo|gethostby\w+|apr_sockaddr_info_get|apr_getnameinfo|apr_ipsubnet_\w+|if_nametoindex|socket|ap_get_remote_host|ap_get_useragent_host)\(`)
	for _, name := range []string{"wsgi_forwarded.c", "wsgi_proxies.c"} {
		source, err := fs.ReadFile(csrc.Sources(), name)
		if err != nil {
			t.Fatal(err)
		}
		if call := calls.Find(source); call != nil {
			t.Errorf("%s calls %s", name, call)
		}
	}
}
