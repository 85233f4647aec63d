package provider

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"modwsgi/internal/distro"
	"modwsgi/internal/hint"
	"modwsgi/internal/run"
)

// aptOf is a runner whose PATH has an apt that says what a machine's would.
func aptOf(t *testing.T, targets, settings string) *run.Runner {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"apt-get": targets, "apt-config": settings} {
		script := "#!/bin/sh\ncat <<'END'\n" + text + "END\n"
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return &run.Runner{Env: []string{"PATH=" + dir + ":" + os.Getenv("PATH")}}
}

// M-16: the mirror is that of the distribution, not of anybody else whose packages
// the machine has; it is asked for security updates too.
func TestChooseMirror(t *testing.T) {
	for name, c := range map[string]struct{ targets, main, security string }{
		"Debian": {"http://mirror.example/debian/ bookworm main\nhttp://mirror.example/debian/ bookworm-updates main\nhttp://security.example/debian-security/ bookworm-security main\n",
			"http://mirror.example/debian", "http://security.example/debian-security"},
		"others first": {"https://other.example/apt stable main\nhttp://mirror.example/debian trixie-updates main\nhttp://mirror.example/debian trixie main\n",
			"http://mirror.example/debian", ""},
		"Ubuntu": {"http://a.example/ubuntu/ noble main\nhttp://a.example/ubuntu/ noble universe\nhttp://a.example/ubuntu/ noble-updates main\nhttp://s.example/ubuntu/ noble-security main\n",
			"http://a.example/ubuntu", "http://s.example/ubuntu"},
		"no updates":      {"http://mirror.example/debian forky main\n", "http://mirror.example/debian", ""},
		"only of a disc":  {"cdrom://disc/ bookworm main\nfile:/srv/debian bookworm main\n", "", ""},
		"nothing at all":  {"", "", ""},
		"only components": {"http://mirror.example/debian bookworm contrib\n", "", ""},
	} {
		main, security := choose(readArchives(c.targets))
		if main != c.main || security != c.security {
			t.Errorf("%s: %q, %q; want %q, %q", name, main, security, c.main, c.security)
		}
	}
}

// What apt of another root gets of this machine's settings: how archives are
// reached, and nothing that is run here.
func TestMirrorSettings(t *testing.T) {
	m := Mirror{R: aptOf(t, "", `Acquire "";
Acquire::http "";
Acquire::http::Proxy "http://proxy.example:3128";
Acquire::Check-Valid-Until "false";
Acquire::Languages "none";
Acquire::IndexTargets::deb::DEP-11::KeepCompressed "true";
Acquire::http::Proxy-Auto-Detect "/usr/bin/find-proxy";
`)}
	got, err := m.settings(t.Context())
	want := "Acquire::http::Proxy \"http://proxy.example:3128\";\nAcquire::Check-Valid-Until \"false\";\n"
	if err != nil || got != want {
		t.Errorf("%s%v, want %s", got, err, want)
	}
}

// The archives are those that apt says, and a mirror that is given is not asked
// for.
func TestMirrorPlaces(t *testing.T) {
	if main, security, err := (Mirror{URL: "http://mirror.example/debian/"}).places(t.Context()); main != "http://mirror.example/debian" || security != "" || err != nil {
		t.Errorf("%s, %s, %v", main, security, err)
	}
	if distro.Here().Family != distro.Debian {
		t.Skip("this system has no apt")
	}
	m := Mirror{R: aptOf(t, "http://mirror.example/debian/ bookworm main\n", "")}
	if main, _, err := m.places(t.Context()); main != "http://mirror.example/debian" || err != nil {
		t.Errorf("%s, %v", main, err)
	}
}

// A suite is there, is not, or cannot be asked for: the last is no failure of a
// cell.
func TestMirrorHas(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/debian/dists/trixie/Release" {
			http.NotFound(w, r)
		}
	}))
	m := Mirror{R: &run.Runner{}}
	for suite, want := range map[string]bool{"trixie": true, "nosuch": false} {
		if got, err := m.has(t.Context(), server.URL+"/debian", suite); got != want || err != nil {
			t.Errorf("%s: %t, %v", suite, got, err)
		}
	}
	server.Close()
	_, err := m.has(t.Context(), server.URL+"/debian", "trixie")
	wantMissing(t, err, NoProvider)
	_, err = Mirror{R: &run.Runner{Offline: true}}.has(t.Context(), server.URL, "trixie")
	wantMissing(t, err, NoProvider)
}

// M-16: a suite that the mirror does not have is taken from where old ones are
// kept; one that nobody has is said to be nowhere, with all that were asked.
func TestMirrorHolding(t *testing.T) {
	having := func(paths ...string) string {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !slices.Contains(paths, r.URL.Path) {
				http.NotFound(w, r)
			}
		}))
		t.Cleanup(server.Close)
		return server.URL
	}
	old := having("/dists/buster/Release")
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	m := Mirror{R: &run.Runner{}, URL: having("/dists/trixie/Release"), Archived: []string{gone.URL, old}}
	for suite, want := range map[string]string{"trixie": m.URL, "buster": old} {
		if url, security, err := m.holding(t.Context(), suite); url != want || security != "" || err != nil {
			t.Errorf("%s: %s, %s, %v; want %s", suite, url, security, err, want)
		}
	}
	_, _, err := m.holding(t.Context(), "nosuch")
	for _, want := range []string{m.URL + " has no suite nosuch", gone.URL, old + " has none either"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
	if hint.Code(err) != hint.NotFound || hint.Of(err) == "" {
		t.Errorf("exit status %d, %q", hint.Code(err), hint.Of(err))
	}
}

// No answer of apt makes a place that is reached otherwise than by http.
func FuzzReadArchives(f *testing.F) {
	f.Add("http://mirror.example/debian/ bookworm main\n")
	f.Add("file:/x y main\n\n a b c d\n")
	f.Fuzz(func(t *testing.T, text string) {
		list := readArchives(text)
		if slices.ContainsFunc(list, func(a archive) bool { return !strings.HasPrefix(a.url, "http") }) {
			t.Error(list)
		}
		choose(list)
	})
}
