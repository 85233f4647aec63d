package setup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"modwsgi/apxs"
	"modwsgi/csrc"
	"modwsgi/csrc/fetch"
	"modwsgi/internal/distro"
	"modwsgi/internal/fsx"
	"modwsgi/internal/run"
	"modwsgi/pybuild"
)

// Releases that the benchmark compares with.
const (
	gunicornVersion = "27.0.1"
	OriginalVersion = "6.0.5"
)

// Rival is a peer of the benchmark: how it is called, or why it is not there.
type Rival struct {
	Command []string // a program with its first arguments, or a file
	Version string
	Absent  string
}

// Rivals are the peers that a benchmark needs besides Apache.
type Rivals struct {
	Debian   Rival // the distribution's mod_wsgi.so
	UWSGI    Rival
	Gunicorn Rival
	Source   Rival // the folder with the original's release, unpacked
}

// ForBench makes sure of the load generator, which a benchmark cannot be without,
// and of as many peers as can be had: packages where it may install them, the
// rest in the folder dir, which is the benchmark's own. What cannot be had is in
// the result, with the reason.
func ForBench(ctx context.Context, r *run.Runner, say func(string), dir string, apache apxs.Info, python pybuild.Info) (Rivals, error) {
	b := benchSetup{ctx: ctx, r: r, say: say, dir: dir, sys: distro.Here()}
	if err := b.packages(); err != nil {
		return Rivals{}, err
	}
	var found Rivals
	found.Debian = b.debianModule(apache)
	found.UWSGI = b.uwsgi()
	venv, err := b.venv(python)
	if err != nil {
		found.Gunicorn.Absent = flat(err)
	} else {
		found.Gunicorn = b.gunicorn(venv)
	}
	found.Source = b.original()
	return found, ctx.Err()
}

// OriginalExpress installs the original's release into the benchmark's
// environment, built by its own set-up, and gives its mod_wsgi-express.
func OriginalExpress(ctx context.Context, r *run.Runner, say func(string), dir string, python pybuild.Info) (string, error) {
	b := benchSetup{ctx: ctx, r: r, say: say, dir: dir, sys: distro.Here()}
	venv, err := b.venv(python)
	if err != nil {
		return "", err
	}
	program := filepath.Join(filepath.Dir(venv), "mod_wsgi-express")
	if _, err := os.Stat(program); err == nil {
		return program, b.compiled(venv)
	}
	release, err := b.release()
	if err != nil {
		return "", err
	}
	tree := filepath.Join(dir, "source", "for-pip") // which builds in it
	if err := fsx.ReplaceTree(tree, release.Files); err != nil {
		return "", err
	}
	say("installing mod_wsgi " + OriginalVersion + " by pip")
	if err := b.pip(venv, "install", "-q", "--no-deps", tree); err != nil {
		return "", fmt.Errorf("installing the original: %w", err)
	}
	return program, b.compiled(venv)
}

// compiled compiles the Python files of the original, as pip does for its users but
// not where PYTHONDONTWRITEBYTECODE is set: it would read its sources at every start,
// which takes as long as all the rest.
func (b *benchSetup) compiled(python string) error {
	folders, err := filepath.Glob(filepath.Join(filepath.Dir(filepath.Dir(python)), "lib", "python*", "site-packages", "mod_wsgi"))
	if err != nil || len(folders) == 0 {
		return fmt.Errorf("the original's Python package is not where pip puts it: %w", errors.Join(err, fs.ErrNotExist))
	}
	_, err = b.r.Output(b.ctx, "", python, append([]string{"-m", "compileall", "-q"}, folders...)...)
	return err
}

type benchSetup struct {
	ctx context.Context
	r   *run.Runner
	say func(string)
	dir string
	sys distro.System
}

func flat(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

// uwsgiPlugin is where Debian's uWSGI has its Python; a uWSGI from elsewhere has
// it built in.
const uwsgiPlugin = "/usr/lib/uwsgi/plugins/python3_plugin.so"

// packages installs programs of the system's. Only wrk has to be there.
func (b *benchSetup) packages() error {
	var missing []string
	if _, err := b.r.LookPath("wrk"); err != nil {
		missing = append(missing, "wrk")
	}
	debian := b.sys.Family == distro.Debian
	if _, err := b.r.LookPath("uwsgi"); err != nil && debian && os.Geteuid() == 0 {
		missing = append(missing, "uwsgi-core", "uwsgi-plugin-python3")
	}
	return install(b.ctx, b.r, b.say, b.sys, missing)
}

func (b *benchSetup) uwsgi() Rival {
	program, err := b.r.LookPath("uwsgi")
	if err != nil {
		return Rival{Absent: "there is no uwsgi program; " + b.sys.InstallLine("uwsgi-core", "uwsgi-plugin-python3")}
	}
	rival := Rival{Command: []string{program}}
	if _, err := os.Stat(uwsgiPlugin); err == nil {
		rival.Command = append(rival.Command, "--plugin", "python3")
	}
	rival.Version, _ = b.r.Output(b.ctx, "", program, "--version") // for the report only
	return rival
}

// debianModule is the distribution's mod_wsgi.so. One that is not installed is
// unpacked here: installed, it would be loaded by the machine's own Apache.
func (b *benchSetup) debianModule(apache apxs.Info) Rival {
	const name = "libapache2-mod-wsgi-py3"
	version := func(query ...string) string {
		text, _ := b.r.Output(b.ctx, "", query[0], query[1:]...) // for the report only
		return text
	}
	installed := filepath.Join(apache.ModulesDir, "mod_wsgi.so")
	if _, err := os.Stat(installed); err == nil {
		if owner, err := b.r.Output(b.ctx, "", "dpkg-query", "-S", installed); err == nil && strings.HasPrefix(owner, name) {
			return Rival{Command: []string{installed}, Version: version("dpkg-query", "-W", "-f", "${Version}", name)}
		}
	}
	if b.sys.Family != distro.Debian {
		return Rival{Absent: "it is a package of Debian's"}
	}
	root := filepath.Join(b.dir, "debian")
	find := func() string {
		found, _ := filepath.Glob(filepath.Join(root, "tree", "usr/lib/apache2/modules/mod_wsgi.so*"))
		if len(found) == 0 {
			return ""
		}
		return found[0]
	}
	if find() == "" {
		b.say("downloading " + name)
		if err := b.unpackDebian(root, name); err != nil {
			return Rival{Absent: flat(err)}
		}
	}
	module := find()
	if module == "" {
		return Rival{Absent: name + " holds no mod_wsgi.so"}
	}
	archives, _ := filepath.Glob(filepath.Join(root, "*.deb"))
	rival := Rival{Command: []string{module}}
	if len(archives) > 0 {
		rival.Version = version("dpkg-deb", "-f", archives[0], "Version")
	}
	return rival
}

func (b *benchSetup) unpackDebian(root, name string) error {
	if err := fsx.RemoveAll(root); err != nil {
		return err
	}
	if err := fsx.MkdirAll(filepath.Join(root, "tree"), 0o755); err != nil {
		return err
	}
	// Lists may be missing or old; only the download says whether they serve.
	download := run.Cmd{Dir: root, Path: "apt-get", Args: []string{"download", "-q", name}, Network: true}
	if _, err := b.r.Run(b.ctx, download); err != nil {
		if os.Geteuid() == 0 {
			if _, err := b.r.Run(b.ctx, run.Cmd{Path: "apt-get", Args: []string{"update", "-q"}, Network: true, Changes: true}); err != nil {
				return fmt.Errorf("reading the package lists: %w", err)
			}
		}
		if _, err := b.r.Run(b.ctx, download); err != nil {
			return fmt.Errorf("downloading %s: %w", name, err)
		}
	}
	archives, err := filepath.Glob(filepath.Join(root, "*.deb"))
	if err != nil || len(archives) != 1 {
		return fmt.Errorf("downloading %s: %d archives came", name, len(archives))
	}
	_, err = b.r.Output(b.ctx, "", "dpkg-deb", "-x", archives[0], filepath.Join(root, "tree"))
	return err
}

// venv is an environment of the Python that is measured, with pip, in the
// benchmark's folder. It is made anew for another Python.
func (b *benchSetup) venv(python pybuild.Info) (string, error) {
	root := filepath.Join(b.dir, "venv-"+python.ABI.ID()+"-"+python.Version)
	program := filepath.Join(root, "bin", "python")
	if _, err := b.r.Output(b.ctx, "", program, "-m", "pip", "--version"); err == nil {
		return program, nil
	}
	b.say("making an environment for gunicorn")
	if _, err := b.r.Output(b.ctx, "", python.Base, "-m", "venv", "--clear", root); err != nil {
		return "", fmt.Errorf("making a virtual environment of %s: %w", python.Base, err)
	}
	return program, nil
}

func (b *benchSetup) gunicorn(python string) Rival {
	rival := Rival{Command: []string{python, "-m", "gunicorn"}, Version: gunicornVersion}
	version := func() string {
		text, _ := b.r.Output(b.ctx, "", python, "-c", "import gunicorn; print(gunicorn.__version__)") // "" is none
		return text
	}
	if version() == gunicornVersion {
		return rival
	}
	b.say("installing gunicorn into it")
	if err := b.pip(python, "install", "-q", "gunicorn=="+gunicornVersion); err != nil {
		return Rival{Absent: flat(fmt.Errorf("installing gunicorn: %w", err))}
	}
	rival.Version = version()
	return rival
}

// original is the folder with the original's release.
func (b *benchSetup) original() Rival {
	root := filepath.Join(b.dir, "source")
	tree := filepath.Join(root, "mod_wsgi-"+OriginalVersion)
	rival := Rival{Command: []string{tree}, Version: OriginalVersion}
	if _, err := os.Stat(tree); err == nil {
		return rival
	}
	release, err := b.release()
	if err == nil {
		err = errors.Join(fsx.MkdirAll(root, 0o755), fsx.ReplaceTree(tree, release.Files))
	}
	if err != nil {
		return Rival{Absent: flat(err)}
	}
	return rival
}

// release is the original's release, as its index has it and by the checksum that
// is known of it. No patches: that is what everybody has.
func (b *benchSetup) release() (fetch.Tree, error) {
	b.say("fetching mod_wsgi " + OriginalVersion)
	o := fetch.Options{
		Runner: b.r, Agent: "modwsgi/" + csrc.Version(), Offline: b.r.Offline,
		Index: b.r.Getenv("MODWSGI_INDEX_URL"), Cache: fsx.CacheFolder(b.r.Getenv),
	}
	return o.Get(b.ctx, fetch.Source{Kind: fetch.PyPI, At: OriginalVersion})
}

// pip runs the pip of an environment, which downloads.
func (b *benchSetup) pip(python string, args ...string) error {
	_, err := b.r.Run(b.ctx, run.Cmd{Path: python, Args: append([]string{"-m", "pip"}, args...), Network: true})
	return err
}

// Cores is how many programs a build may start at once when it is compared with
// another one.
func Cores() int { return min(2, runtime.NumCPU()) }
