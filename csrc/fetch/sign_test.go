package fetch

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"modwsgi/internal/fsx"
	"modwsgi/internal/hint"
	"modwsgi/internal/run"
)

// G-13: with a key configured, only what is signed with it is taken. Gpg is the
// real one.
func TestSignedByGPG(t *testing.T) {
	if _, err := exec.LookPath("gpg"); err != nil {
		t.Skip("there is no gpg here")
	}
	dir, err := os.MkdirTemp("", "gpg") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	r := &run.Runner{}
	gpg := func(home string, args ...string) string {
		t.Helper()
		out, err := r.Output(t.Context(), "", "gpg", append([]string{"--batch", "--no-tty", "--homedir", filepath.Join(dir, home), "--pinentry-mode", "loopback", "--passphrase", ""}, args...)...)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	archive := filepath.Join(dir, "a.tar.gz")
	if err := os.WriteFile(archive, gz(t, tarball(t, members("top", sample("1.0")))), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, home := range []string{"ours", "theirs"} {
		if err := os.Mkdir(filepath.Join(dir, home), 0o700); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { // the agent that gpg started for the secret key
			_, _ = r.Output(t.Context(), "", "gpgconf", "--homedir", filepath.Join(dir, home), "--kill", "all") // without it, it ends with its folder
		})
		gpg(home, "--quick-gen-key", home+"@example.org", "ed25519", "sign", "never")
		if err := os.WriteFile(filepath.Join(dir, home+".key"), []byte(gpg(home, "--armor", "--export")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	a := newAttacks(t, "G-13 gpg")
	o := Options{Runner: r, Key: "gpg:" + filepath.Join(dir, "ours.key")}
	s := Source{Kind: File, At: archive}
	get := func() error { _, err := o.Get(t.Context(), s); return err }
	a.refused(t, "no signature", get(), "cannot be relied on", hint.Refused)

	gpg("theirs", "--armor", "--detach-sign", archive)
	a.refused(t, "signed by another key", get(), "cannot be relied on", hint.Refused)
	if err := os.Remove(archive + ".asc"); err != nil {
		t.Fatal(err)
	}
	gpg("ours", "--armor", "--detach-sign", archive)
	if err := get(); err != nil {
		t.Errorf("signed: %v", err)
	}
	other := gz(t, tarball(t, members("top", sample("1.1"))))
	if err := os.WriteFile(archive, other, 0o644); err != nil {
		t.Fatal(err)
	}
	a.refused(t, "changed archive", get(), "cannot be relied on", hint.Refused)

	tree := filepath.Join(dir, "tree")
	if err := fsx.WriteTree(tree, sample("1.0")); err != nil {
		t.Fatal(err)
	}
	_, err = o.Get(t.Context(), Source{Kind: Dir, At: tree})
	a.refused(t, "a folder", err, "has no signature", hint.Refused)
	o.Key = "gpg:" + filepath.Join(dir, "none.key")
	a.refused(t, "no such key", get(), "no such file", hint.Refused)
	o.Key = "pgp:x"
	a.refused(t, "unknown program", get(), `"pgp:x" is no key`, hint.Refused)
}

// G-13: minisign and cosign are asked in their words; the signature comes from
// beside the archive. The programs are stand-ins that compare.
func TestSignedByOthers(t *testing.T) {
	archive := gz(t, tarball(t, members("top", sample("1.0"))))
	mux := http.NewServeMux()
	mux.HandleFunc("/a.tar.gz", func(w http.ResponseWriter, r *http.Request) { w.Write(archive) })
	mux.HandleFunc("/a.tar.gz.minisig", func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("good")) })
	mux.HandleFunc("/a.tar.gz.sig", func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("bad")) })
	base, o := site(t, mux)
	dir := t.TempDir()
	const script = "#!/bin/sh\nfor word; do case \"$last\" in -x|--signature) sig=$word;; -m|--insecure-ignore-tlog=true) file=$word;; esac; last=$word; done\n" +
		"test -s \"$file\" && test \"$(cat \"$sig\")\" = good\n"
	if err := fsx.WriteTree(dir, []fsx.File{
		{Path: "bin/minisign", Mode: 0o755, Data: []byte(script)}, {Path: "bin/cosign", Mode: 0o755, Data: []byte(script)}, {Path: "key.pub", Mode: 0o644},
	}); err != nil {
		t.Fatal(err)
	}
	s := Source{Kind: HTTPS, At: base + "/a.tar.gz", Sum: sumOf("sha256", archive)}
	path := os.Getenv("PATH")
	a := newAttacks(t, "G-13")
	for _, c := range []struct{ name, path, want string }{
		{"minisign", filepath.Join(dir, "bin") + ":" + path, ""},
		{"cosign", filepath.Join(dir, "bin") + ":" + path, "cannot be relied on"},
		{"minisign", filepath.Join(dir, "empty"), "executable file not found"},
	} {
		t.Setenv("PATH", c.path)
		o.Key = c.name + ":" + filepath.Join(dir, "key.pub")
		_, err := o.Get(t.Context(), s)
		if c.want == "" {
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		a.refused(t, c.name, err, c.want, hint.Refused)
	}
	if !strings.HasPrefix(base, "https://") {
		t.Error(base)
	}
}
