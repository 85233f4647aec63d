package apxs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"modwsgi/internal/hint"
	"modwsgi/internal/run"
)

// who compiles nothing finds a server without apxs; what it says of itself is
// what is known of it with apxs.
func TestFindServer(t *testing.T) {
	root := t.TempDir()
	place := func(name, text string, mode os.FileMode) {
		t.Helper()
		path := filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), mode)); err != nil {
			t.Fatal(err)
		}
	}
	f := newFinder(&run.Runner{Env: []string{"PATH=" + filepath.Join(root, "usr/sbin")}})
	f.root = root
	if _, err := f.findServer(t.Context(), ""); hint.Code(err) != hint.NotFound {
		t.Errorf("nothing: %v", err)
	}
	answer := "Server version: Apache/2.4.62 (Fedora)\nServer's Module Magic Number: 20120211:131\nServer MPM:     event\n -D HTTPD_ROOT=\"" + root + "/etc/httpd\"\n -D SERVER_CONFIG_FILE=\"conf/httpd.conf\"\n"
	place("usr/sbin/httpd", "#!/bin/sh\n/bin/cat <<'END'\n"+answer+"END\n", 0o755)
	place("etc/httpd/conf/httpd.conf", "", 0o644)
	place("etc/httpd/conf.modules.d/00-base.conf", "", 0o644)
	if _, err := f.findServer(t.Context(), ""); hint.Code(err) != hint.NotFound {
		t.Errorf("a server without modules: %v", err)
	}
	place("etc/httpd/modules/mod_alias.so", "", 0o644)
	info, err := f.findServer(t.Context(), "")
	if err != nil || info.Httpd != filepath.Join(root, "usr/sbin/httpd") || info.MMN != (MMN{"AP24", 20120211, 131}) || info.Version != "2.4.62" || info.MPM != "event" || info.Family != FamilyFedora ||
		info.ModulesDir != filepath.Join(root, "etc/httpd/modules") || info.ConfFile != filepath.Join(root, "etc/httpd/conf/httpd.conf") || len(info.Notes) != 1 {
		t.Errorf("%+v, %v", info, err)
	}
	if _, err := f.findServer(t.Context(), "/no/such/apxs"); hint.Code(err) != hint.NotFound {
		t.Errorf("one that is named and not there: %v", err)
	}

	real, err := Find(t.Context(), &run.Runner{}, "")
	if err != nil || real.Httpd == "" {
		t.Skip("there is no Apache here to compare with")
	}
	told := func(i Info) string {
		return fmt.Sprint(i.Httpd, i.Running, i.MMN.Cookie, i.MMN.Major, i.MPM, i.Family, i.ModulesDir, i.ConfDir, i.ConfFile, i.Root)
	}
	alone, ok := newFinder(&run.Runner{}).alone(t.Context(), real.Httpd)
	if !ok || told(alone) != told(real) || !strings.Contains(alone.Notes[0], real.Httpd) {
		t.Errorf("alone %+v\nwith apxs %+v", alone, real)
	}
}
