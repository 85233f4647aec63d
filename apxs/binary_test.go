package apxs

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, got, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("%s differs (-update writes it anew); got\n%s", path, got)
	}
}

// Recorded answers of real servers; one of them failed after its answer was
// complete, since its configuration needs an environment.
func TestRecordedReports(t *testing.T) {
	files, err := filepath.Glob("testdata/*/httpd-V*.txt")
	if err != nil || len(files) < 2 {
		t.Fatalf("recorded answers: %q, %v", files, err)
	}
	for _, file := range files {
		t.Run(file, func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			rep, ok := ParseReport(string(data))
			if !ok {
				t.Fatal("not taken for an answer")
			}
			got, err := json.MarshalIndent(rep, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			golden(t, strings.TrimSuffix(file, ".txt")+".golden.json", append(got, '\n'))
		})
	}
}

func TestParseReport(t *testing.T) {
	rep, ok := ParseReport("noise\r\nServer version: Apache/2.4.6 (Red Hat)\r\nServer's Module Magic Number: 20120211:24\r\n" +
		"Server MPM:     Prefork\r\n -D HTTPD_ROOT=\"/opt/my \"apache\"\"\r\n -D APR_HAS_MMAP\r\n -D LIMIT=256\r\n")
	if !ok || rep.Version != "2.4.6" || rep.MMN != (MMN{Major: 20120211, Minor: 24}) || rep.MPM != "prefork" {
		t.Errorf("%+v, %v", rep, ok)
	}
	for name, want := range map[string]string{"HTTPD_ROOT": `/opt/my "apache"`, "APR_HAS_MMAP": "", "LIMIT": "256"} {
		if got, there := rep.Compiled[name]; !there || got != want {
			t.Errorf("%s = %q, %v", name, got, there)
		}
	}
	for _, text := range []string{"", "Passing arguments to httpd using apachectl is no longer supported.", "nginx version: nginx/1.22"} {
		if rep, ok := ParseReport(text); ok {
			t.Errorf("%q was taken for an answer: %+v", text, rep)
		}
	}
}

func FuzzParseReport(f *testing.F) {
	for _, name := range []string{"httpd-V.txt", "httpd-V-envvars.txt"} {
		if data, err := os.ReadFile("testdata/debian12/" + name); err == nil {
			f.Add(string(data))
		}
	}
	f.Add("Server version: A/1.2\nServer's Module Magic Number: 999999999:0\n -D X=\"\n -D Y=\"\"")
	f.Fuzz(func(t *testing.T, text string) {
		rep, ok := ParseReport(text)
		if ok != (rep.Version != "") {
			t.Errorf("%v with version %q", ok, rep.Version)
		}
		if rep.MMN.Major < 0 || rep.MMN.Minor < 0 || strings.ToLower(rep.MPM) != rep.MPM {
			t.Errorf("%+v", rep)
		}
		confFile(rep)
	})
}

// The last way to an MPM is the configuration, read as the server would.
func TestScanMPM(t *testing.T) {
	const debian = "IncludeOptional mods-enabled/*.load\nIncludeOptional mods-enabled/*.conf\n"
	tests := []struct {
		name, want string
		files      map[string]string
	}{
		{"nothing", "unknown", nil},
		{"empty", "unknown", map[string]string{"httpd.conf": "Listen 80\n"}},
		{"debian", "event", map[string]string{"apache2.conf": debian, "mods-enabled/mpm_event.load": "# Conflicts: x\nLoadModule mpm_event_module /usr/lib/mod_mpm_event.so\n"}},
		{"debian, not enabled", "unknown", map[string]string{"apache2.conf": debian, "mods-available/mpm_event.load": "LoadModule mpm_event_module x\n"}},
		{"fedora", "prefork", map[string]string{"../conf.modules.d/00-mpm.conf": "#LoadModule mpm_event_module a\n  loadmodule mpm_prefork_module b\n",
			"httpd.conf": "ServerRoot \"${WHERE}\"\nInclude conf.modules.d/*.conf\n"}},
		{"source", "worker", map[string]string{"httpd.conf": "Listen 80\nLoadModule mpm_worker_module modules/mod_mpm_worker.so\n"}},
		{"two of them", "unknown", map[string]string{"httpd.conf": "LoadModule mpm_worker_module x\nLoadModule mpm_event_module x\n"}},
		{"one of them for certain", "worker", map[string]string{"httpd.conf": "<IfDefine A>\nLoadModule mpm_event_module x\n</IfDefine>\nLoadModule mpm_worker_module x\n"}},
		{"two branches", "unknown", map[string]string{"httpd.conf": "<IfDefine A>\nLoadModule mpm_event_module x\n</IfDefine>\n<IfDefine !A>\nLoadModule mpm_worker_module x\n</IfDefine>\n"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), `a "b" c's`, "conf")
			rep := Report{Compiled: map[string]string{"HTTPD_ROOT": dir}}
			for name, text := range tt.files {
				path := filepath.Join(dir, name)
				if err := errors.Join(os.MkdirAll(dir, 0o755), os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
					t.Fatal(err)
				}
				if name == "apache2.conf" {
					rep.Compiled["SERVER_CONFIG_FILE"] = name
				}
			}
			if got := scanMPM(rep, dir, map[string]string{"WHERE": strings.ReplaceAll(filepath.Dir(dir), `"`, `\"`)}); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}
