package fetch

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"modwsgi/internal/fsx"
	"modwsgi/internal/hint"
	"modwsgi/internal/run"
)

// site is a server of archives: TLS, known to the client it comes with.
func site(t *testing.T, mux *http.ServeMux) (string, Options) {
	t.Helper()
	s := httptest.NewTLSServer(mux)
	t.Cleanup(s.Close)
	return s.URL, Options{Client: newHTTP(s.Client().Transport, time.Minute), Runner: &run.Runner{}}
}

// G-5, G-7, G-8, Y-5: a server of archives that lies in every way, and what may
// be had from it.
func TestAttackDownload(t *testing.T) {
	a := newAttacks(t, "G-8")
	archive := gz(t, tarball(t, members("mod_wsgi-6.0.5", sample("6.0.5"))))
	sum := sumOf("sha256", archive)
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write(archive) }))
	t.Cleanup(plain.Close)

	mux := http.NewServeMux()
	mux.HandleFunc("/a.tar.gz", func(w http.ResponseWriter, r *http.Request) { w.Write(archive) })
	mux.HandleFunc("/cut.tar.gz", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(archive)))
		w.Write(archive[:len(archive)/2])
	})
	mux.HandleFunc("/loop", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/loop", http.StatusFound) })
	mux.HandleFunc("/once", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/a.tar.gz", http.StatusFound) })
	mux.HandleFunc("/named", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://me:secret@"+r.Host+"/a.tar.gz", http.StatusFound)
	})
	mux.HandleFunc("/weaker", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, plain.URL+"/a.tar.gz", http.StatusFound)
	})
	mux.HandleFunc("/terraform", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Terraform-Get", "/a.tar.gz")
		w.Write([]byte("not an archive"))
	})
	mux.HandleFunc("/says", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(MaxDownload+1))
		w.WriteHeader(http.StatusOK)
	})
	mux.HandleFunc("/endless", func(w http.ResponseWriter, r *http.Request) {
		for chunk := make([]byte, 1<<20); ; {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	})
	mux.HandleFunc("/stalls", func(w http.ResponseWriter, r *http.Request) {
		w.Write(archive[:10])
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	base, o := site(t, mux)
	// Of a machine under load everything seems to stall so soon.
	soon := func(o *Options) { o.Client = newHTTP(o.Client.Transport.(*bounded).base, 200*time.Millisecond) }

	for name, c := range map[string]struct {
		at, sum string
		change  func(*Options)
		want    string // of the error; "" is success
		code    int
	}{
		"right":            {at: "/a.tar.gz", sum: sum},
		"redirected":       {at: "/once", sum: sum},
		"wrong sum":        {at: "/a.tar.gz", sum: "sha256:" + strings.Repeat("0", 64), want: "the archive has sha256:", code: hint.Refused},
		"no sum":           {at: "/a.tar.gz", want: "no checksum is known", code: hint.Refused},
		"no sum, allowed":  {at: "/a.tar.gz", change: func(o *Options) { o.AllowUnverified = true }},
		"offline":          {at: "/a.tar.gz", sum: sum, change: func(o *Options) { o.Offline = true }, want: "network is not to be used", code: hint.Refused},
		"loop":             {at: "/loop", sum: sum, want: "more than 5 redirects", code: hint.Failed},
		"downgrade":        {at: "/weaker", sum: sum, want: "redirected from https to http", code: hint.Failed},
		"to a password":    {at: "/named", sum: sum, want: "name or password in it", code: hint.Failed},
		"header redirect":  {at: "/terraform", sum: sum, want: "the archive has sha256:", code: hint.Refused},
		"too large, said":  {at: "/says", sum: sum, want: "larger than", code: hint.Failed},
		"too large, sent":  {at: "/endless", sum: sum, want: "larger than", code: hint.Failed},
		"stalls":           {at: "/stalls", sum: sum, change: soon, want: errStalled.Error(), code: hint.Failed},
		"cut":              {at: "/cut.tar.gz", sum: sum, want: "EOF", code: hint.Failed},
		"absent":           {at: "/none", sum: sum, want: "404", code: hint.Failed},
		"http":             {at: plain.URL + "/a.tar.gz", sum: sum, want: "not https", code: hint.Refused},
		"http, allowed":    {at: plain.URL + "/a.tar.gz", sum: sum, change: func(o *Options) { o.AllowHTTP = true }},
		"http without sum": {at: plain.URL + "/a.tar.gz", change: func(o *Options) { o.AllowHTTP = true }, want: "no checksum is known", code: hint.Refused},
	} {
		t.Run(name, func(t *testing.T) {
			at, o := c.at, o
			if strings.HasPrefix(at, "/") {
				at = base + at
			}
			if c.change != nil {
				c.change(&o)
			}
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			tree, err := o.Get(ctx, Source{Kind: HTTPS, At: at, Sum: c.sum})
			switch {
			case c.want == "" && (err != nil || tree.Version != "6.0.5" || tree.Origin.Sum != sum):
				t.Errorf("%v, %+v", err, tree.Origin)
			case c.want == "" && tree.Origin.Unverified != (c.sum == ""):
				t.Errorf("unverified: %t", tree.Origin.Unverified)
			case c.want != "":
				a.refused(t, name, err, c.want, c.code)
			}
		})
	}
}

// G-4, G-5: what an index lists, and when it is not believed.
func TestIndex(t *testing.T) {
	archive := gz(t, tarball(t, members("mod_wsgi-7.0", sample("7.0"))))
	lying := gz(t, tarball(t, members("mod_wsgi-7.1", sample("7.0"))))
	mux := http.NewServeMux()
	mux.HandleFunc("/simple/mod-wsgi/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `<html><body><a href="../../f/mod_wsgi-6.0.5.tar.gz#sha256=%064d">x</a>
			<a data-requires-python="&gt;=3.8" href="../../f/mod_wsgi-7.0.tar.gz#%s">x</a>
			<a href="../../f/mod_wsgi-7.1.tar.gz#%s">x</a></body></html>`,
			0, strings.Replace(sumOf("sha256", archive), ":", "=", 1), strings.Replace(sumOf("sha256", lying), ":", "=", 1))
	})
	mux.HandleFunc("/f/mod_wsgi-7.0.tar.gz", func(w http.ResponseWriter, r *http.Request) { w.Write(archive) })
	mux.HandleFunc("/f/mod_wsgi-7.1.tar.gz", func(w http.ResponseWriter, r *http.Request) { w.Write(lying) })
	mux.HandleFunc("/f/mod_wsgi-6.0.5.tar.gz", func(w http.ResponseWriter, r *http.Request) { w.Write(archive) })
	base, o := site(t, mux)
	o.Index = base + "/simple"

	if tree, err := o.Get(t.Context(), Source{Kind: PyPI, At: "7.0"}); err != nil || tree.Origin.Form != "pypi:7.0" || tree.Origin.Unverified {
		t.Errorf("7.0: %+v %v", tree.Origin, err)
	}
	for version, want := range map[string]string{
		"7.1":   "the tree says that it is 7.0",
		"8.0":   "has no mod_wsgi-8.0.tar.gz",
		"6.0.5": "not " + known["pypi:6.0.5"], // the table wins over what the index says
	} {
		_, err := o.Get(t.Context(), Source{Kind: PyPI, At: version})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", version, err, want)
		}
	}
}

// G-9: a commit is a commit, a tag is one only while the lock says so, and
// nothing that a repository brings is run or followed.
func TestAttackGit(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("there is no git here")
	}
	r := &run.Runner{}
	repo := t.TempDir()
	if err := fsx.WriteTree(repo, append(sample("6.0.5"), fsx.File{Path: ".git-hook-ran"})); err != nil {
		t.Fatal(err)
	}
	git := func(args ...string) string {
		t.Helper()
		out, err := r.Output(t.Context(), repo, "git", append([]string{"-c", "user.name=t", "-c", "user.email=t@example", "-c", "commit.gpgsign=false"}, args...)...)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	git("init", "-q", ".")
	git("add", ".")
	git("commit", "-q", "-m", "one")
	git("tag", "v1")
	first := git("rev-parse", "HEAD")
	git("config", "uploadpack.allowAnySHA1InWant", "true")

	a := newAttacks(t, "G-9")
	o := Options{Runner: r}
	at := "file://" + repo
	tree, err := o.Get(t.Context(), Source{Kind: Git, At: at, Ref: first})
	if err != nil || tree.Origin.Commit != first {
		t.Fatalf("%+v %v", tree.Origin, err)
	}
	_, err = o.Get(t.Context(), Source{Kind: Git, At: at, Ref: "v1"})
	a.refused(t, "a tag that nobody locked", err, "can be another commit tomorrow", hint.Refused)
	_, err = o.Get(t.Context(), Source{Kind: Git, At: at, Ref: strings.Repeat("0", 40)})
	a.refused(t, "a commit that is not there", err, "git", hint.Failed)
	o.Update = true
	tagged, err := o.Get(t.Context(), Source{Kind: Git, At: at, Ref: "v1"})
	if err != nil || tagged.Hash != tree.Hash {
		t.Fatalf("%+v %v", tagged.Origin, err)
	}

	// The tag moves: the lock notices.
	o = Options{Runner: r, Lock: Lock{}.With(tagged.Origin)}
	if _, err := o.Get(t.Context(), Source{Kind: Git, At: at, Ref: "v1"}); err != nil {
		t.Errorf("locked: %v", err)
	}
	if err := os.WriteFile(filepath.Join(repo, "README.rst"), []byte("changed\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	git("commit", "-q", "-a", "-m", "two")
	git("tag", "-f", "v1")
	_, err = o.Get(t.Context(), Source{Kind: Git, At: at, Ref: "v1"})
	a.refused(t, "a tag that moved", err, "commit is", hint.Refused)

	// A link in a repository is refused however git would write it down.
	if err := os.Symlink("/etc/passwd", filepath.Join(repo, "src/server/passwd.c")); err != nil {
		t.Fatal(err)
	}
	git("add", ".")
	git("commit", "-q", "-m", "three")
	linked, err := o.Get(t.Context(), Source{Kind: Git, At: at, Ref: git("rev-parse", "HEAD")})
	for _, f := range linked.Files {
		if f.Path == "src/server/passwd.c" && string(f.Data) != "/etc/passwd" {
			t.Errorf("the link was followed: %q", f.Data)
		}
	}
	if err != nil && !strings.Contains(err.Error(), "symbolic link") {
		t.Error(err)
	}
}

// G-6: the lock file is sorted, names both values of a difference, and is refused
// where it is not understood.
func TestLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), LockFile)
	empty, err := ReadLock(path)
	if err != nil || len(empty.Sources) != 0 {
		t.Fatalf("%+v %v", empty, err)
	}
	a := Origin{Form: "release:6.0.5", Tree: "sha256:1", Sum: "sha256:2"}
	b := Origin{Form: "pypi:6.0.5", Tree: "sha256:1"}
	if err := empty.With(a).With(b).With(a).Write(path); err != nil {
		t.Fatal(err)
	}
	got, err := ReadLock(path)
	if err != nil || len(got.Sources) != 2 || !reflect.DeepEqual(got.Sources[0], b) || !reflect.DeepEqual(got.Sources[1], a) {
		t.Fatalf("%+v %v", got, err)
	}
	changed := a
	changed.Tree = "sha256:9"
	if err := got.check(changed); hint.Code(err) != hint.Refused || !strings.Contains(err.Error(), "sha256:9") || !strings.Contains(err.Error(), "sha256:1") {
		t.Errorf("both values are to be named: %v", err)
	}
	for name, text := range map[string]string{"json": "{", "schema": `{"schema":9,"sources":[]}`, "unknown": `{"schema":1,"sources":[],"x":1}`, "entry": `{"schema":1,"sources":[{"form":"x"}]}`} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadLock(path); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

// K-1, K-2: what was fetched once is not fetched again, and a cache that somebody changed
// is not believed.
func TestStore(t *testing.T) {
	archive := gz(t, tarball(t, members("top", sample("6.0.5"))))
	asked := 0
	mux := http.NewServeMux()
	mux.HandleFunc("/a.tar.gz", func(w http.ResponseWriter, r *http.Request) { asked++; w.Write(archive) })
	base, o := site(t, mux)
	o.Cache = filepath.Join(t.TempDir(), "cache")
	s := Source{Kind: HTTPS, At: base + "/a.tar.gz", Sum: sumOf("sha256", archive)}
	get := func() string {
		t.Helper()
		dir, origin, err := o.Folder(t.Context(), s)
		if err != nil || origin.Version != "6.0.5" {
			t.Fatal(origin, err)
		}
		return dir
	}
	dir := get()
	if again := get(); again != dir || asked != 1 {
		t.Errorf("%s and %s, fetched %d times", dir, again, asked)
	}
	source := filepath.Join(dir, "src/server/mod_wsgi.c")
	if err := os.WriteFile(source, []byte("changed\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	kept := filepath.Join(o.Cache, "archives", strings.TrimPrefix(s.Sum, "sha256:"))
	if err := os.WriteFile(kept, []byte("changed\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	get()
	if data, err := os.ReadFile(source); err != nil || string(data) != string(sample("")[2].Data) || asked != 2 {
		t.Errorf("%q %v, fetched %d times", data, err, asked)
	}
}

// M-17: an archive with something else in it is brought by its checksum or not at
// all, and kept by it.
func TestBytes(t *testing.T) {
	data := []byte("the sources of something else")
	sum := sumOf("sha256", data)
	mux := http.NewServeMux()
	asked := 0
	mux.HandleFunc("/a.tar.xz", func(w http.ResponseWriter, r *http.Request) {
		asked++
		w.Write(data)
	})
	base, o := site(t, mux)
	o.Cache = t.TempDir()
	file := filepath.Join(t.TempDir(), "a.tar.xz")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	wrong := sumOf("sha256", nil)
	for _, c := range []struct {
		name string
		s    Source
		code int
	}{
		{"no checksum", Source{Kind: HTTPS, At: base + "/a.tar.xz"}, hint.Refused},
		{"another checksum", Source{Kind: HTTPS, At: base + "/a.tar.xz", Sum: wrong}, hint.Refused},
		{"the checksum", Source{Kind: HTTPS, At: base + "/a.tar.xz", Sum: sum}, 0},
		{"a second time", Source{Kind: HTTPS, At: base + "/a.tar.xz", Sum: sum}, 0},
		{"a file", Source{Kind: File, At: file}, 0},
		{"a file with another checksum", Source{Kind: File, At: file, Sum: wrong}, hint.Refused},
		{"a repository", Source{Kind: Git, At: base}, hint.Usage},
	} {
		got, gotSum, err := o.Bytes(t.Context(), c.s)
		if hint.Code(err) != c.code || err == nil && (string(got) != string(data) || gotSum != sum) {
			t.Errorf("%s: %q, %s, %v; want status %d", c.name, got, gotSum, err, c.code)
		}
	}
	if asked != 2 {
		t.Errorf("the archive was fetched %d times, not once for each checksum", asked)
	}
}
