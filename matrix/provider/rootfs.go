package provider

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"modwsgi/internal/fsx"
	"modwsgi/internal/hint"
	"modwsgi/internal/run"
)

// Rootfs makes trees of Debian suites by debootstrap, with their own Apache, Python
// and compiler, and runs programs in them.
type Rootfs struct {
	R      *run.Runner
	Store  *Store
	Mirror Mirror

	Log func(line string) // where set, hears how far the making of a tree is

	user func() int // in tests; nil: who this is
}

// Name is "rootfs".
func (p *Rootfs) Name() string { return RootfsName }

const (
	treeFolder = "tree" // beside the stamp
	madeIn     = 20 * time.Minute
)

// treePackages are what a tree gets besides the smallest system: what somebody
// installs who builds a module, and the server to load it.
var treePackages = []string{"apache2", "apache2-dev", "gcc", "libc6-dev", "python3", "python3-dev", "python3-venv"}

// Machine gives the tree of a suite, such as "trixie".
func (p *Rootfs) Machine(ctx context.Context, suite string) (Machine, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	dir, stamp, ok := p.Store.Have(rootfsRoom, suite)
	if !ok {
		from, err := p.source(ctx, suite)
		if err != nil {
			return nil, err
		}
		dir, stamp, err = p.Store.Make(ctx, rootfsRoom, suite, func(work, _ string, stamp *Stamp) error {
			return p.make(ctx, filepath.Join(work, treeFolder), from, stamp)
		})
		if err != nil {
			return nil, err
		}
	}
	return &tree{id: RootfsName + "-" + suite, dir: filepath.Join(dir, treeFolder), stamp: stamp, r: p.R}, nil
}

// Lacks says whether no tree can be entered, or there is none and none can be made.
func (p *Rootfs) Lacks(context.Context) error {
	if err := p.enter(); err != nil || p.Store.any(rootfsRoom) {
		return err
	}
	return p.bootstrapper()
}

// enter says whether trees may be entered.
func (p *Rootfs) enter() error {
	user := os.Geteuid
	if p.user != nil {
		user = p.user
	}
	if user() != 0 {
		return missing(NotRoot, errors.New("only root may enter the tree of a suite"), "run it as root")
	}
	return nil
}

// bootstrapper says whether there is a debootstrap.
func (p *Rootfs) bootstrapper() error {
	if _, err := p.runner().LookPath("debootstrap"); err != nil {
		return missing(NoProvider, errors.New("debootstrap is not here"), "apt-get install debootstrap")
	}
	return nil
}

// origin is where a tree is made from.
type origin struct{ suite, url, security, script string }

// source looks whether a tree can be made.
func (p *Rootfs) source(ctx context.Context, suite string) (origin, error) {
	if !plain.MatchString(suite) {
		return origin{}, hint.Exit(fmt.Errorf("%q is no name of a suite", suite), hint.Usage)
	}
	if err := p.bootstrapper(); err != nil {
		return origin{}, err
	}
	url, security, err := p.Mirror.holding(ctx, suite)
	return origin{suite, url, security, script(suite)}, err
}

// script is the debootstrap script for a suite that is younger than debootstrap: ""
// if it has one for it.
func script(suite string) string {
	const scripts = "/usr/share/debootstrap/scripts"
	if !fsx.Exists(filepath.Join(scripts, suite)) && fsx.Exists(filepath.Join(scripts, "sid")) {
		return "sid"
	}
	return ""
}

// runner finds what only root has in PATH.
func (p *Rootfs) runner() *run.Runner {
	return p.R.With("PATH=" + p.R.Getenv("PATH") + ":/usr/sbin:/sbin")
}

// make makes the tree. Of a suite that is no longer looked after, the archive of
// security updates may list what it does not have: then the tree is made without,
// and its stamp says so.
func (p *Rootfs) make(ctx context.Context, dir string, from origin, stamp *Stamp) error {
	ctx, stop := context.WithTimeout(ctx, madeIn)
	defer stop()
	stamp.From = from.url + " " + from.suite
	err := p.once(ctx, dir, from, stamp)
	if err == nil || from.security == "" || ctx.Err() != nil {
		return err
	}
	p.say("again, without security updates: " + err.Error())
	stamp.Without = fmt.Sprintf("security updates: %v", err)
	from.security = ""
	if err := p.Store.remove(dir); err != nil {
		return err
	}
	return p.once(ctx, dir, from, stamp)
}

// once makes the tree of one set of archives.
func (p *Rootfs) once(ctx context.Context, dir string, from origin, stamp *Stamp) error {
	if err := p.bootstrap(ctx, dir, from); err != nil {
		return err
	}
	settings, err := p.Mirror.settings(ctx)
	if err != nil {
		return err
	}
	resolver, err := os.ReadFile("/etc/resolv.conf")
	if err != nil {
		return fmt.Errorf("making names known to %s: %w", dir, err)
	}
	if err := fsx.WriteTree(dir, treeFiles(from, settings, string(resolver))); err != nil {
		return err
	}
	return p.fill(ctx, dir, stamp)
}

// bootstrap makes the smallest system. debootstrap mounts what it needs; in a
// namespace of its own that is gone with it.
func (p *Rootfs) bootstrap(ctx context.Context, dir string, from origin) error {
	args := []string{"--variant=minbase"}
	if keys := keyring(); keys != "" {
		args = append(args, "--keyring="+keys)
	}
	args = append(args, from.suite, dir, from.url)
	if from.script != "" {
		args = append(args, from.script)
	}
	p.say("debootstrap " + from.suite)
	return alone(func() error {
		_, err := p.runner().Run(ctx, run.Cmd{Path: "debootstrap", Args: args, Env: []string{"DEBIAN_FRONTEND=noninteractive"}, Timeout: madeIn, Network: true, Tied: true})
		return err
	})
}

// treeFiles are the files of a tree that debootstrap does not write.
func treeFiles(from origin, settings, resolver string) []fsx.File {
	lines := fmt.Sprintf("deb %s %s main\n", from.url, from.suite)
	if from.security != "" {
		lines += fmt.Sprintf("deb %s %s-security main\n", from.security, from.suite)
	}
	file := func(path, text string, mode os.FileMode) fsx.File {
		return fsx.File{Path: path, Data: []byte(text), Mode: mode}
	}
	return []fsx.File{
		file("etc/apt/sources.list", lines, 0o644),
		file("etc/apt/apt.conf.d/90modwsgi", settings, 0o644),
		file("etc/resolv.conf", resolver, 0o644),
		file("etc/hosts", "127.0.0.1 localhost\n::1 localhost\n", 0o644), // there is nobody to ask in a run
		file("usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n", 0o755),     // services are not started
	}
}

// fill installs the packages and notes what there is.
func (p *Rootfs) fill(ctx context.Context, dir string, stamp *Stamp) error {
	t := &tree{dir: dir, r: p.R}
	apt := func(args ...string) run.Cmd {
		return run.Cmd{Path: "/usr/bin/apt-get", Args: append([]string{"-q", "-y"}, args...), Network: true}
	}
	return view{tree: dir, lasting: true, network: true}.within(ctx, func(ctx context.Context, root string) error {
		for _, c := range []run.Cmd{
			apt("update"),
			apt("dist-upgrade"),
			apt(append([]string{"install", "--no-install-recommends"}, treePackages...)...),
			apt("clean"),
		} {
			p.say(c.Line())
			if _, err := t.command(ctx, root, c); err != nil {
				return err
			}
		}
		res, err := t.command(ctx, root, run.Cmd{Path: "/usr/bin/dpkg-query", Args: []string{"-W", "-f", "${Package} ${Version}\n"}})
		stamp.Packages = readPackages(res.Stdout)
		return err
	})
}

// readPackages reads lines of a package and its version.
func readPackages(text string) map[string]string {
	list := map[string]string{}
	for line := range strings.Lines(text) {
		if name, version, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			list[name] = version
		}
	}
	return list
}

func (p *Rootfs) say(line string) {
	if p.Log != nil {
		p.Log(line)
	}
}

// tree is the machine that a tree is.
type tree struct {
	id    string
	dir   string
	stamp Stamp
	r     *run.Runner
}

// ID is "rootfs-trixie".
func (t *tree) ID() string { return t.id }

// Stamp says what the tree was made of, with the version of each package.
func (t *tree) Stamp() Stamp { return t.stamp }

// Run runs c in the tree, which stays as it is: what is written besides c.Write is
// gone afterwards. There is no network but the loopback.
func (t *tree) Run(ctx context.Context, c Command) (res run.Result, err error) {
	if err := c.carried(); err != nil {
		return run.Result{}, err
	}
	v := view{tree: t.dir, read: append([]string{c.Program}, c.Read...), write: c.Write}
	err = v.within(ctx, func(ctx context.Context, root string) (err error) {
		res, err = c.carry(ctx, t.runner(), run.Cmd{Root: root, Tied: true, Dir: c.Dir, Path: c.Program, Args: c.Args, Env: c.Env})
		return err
	})
	return res, err
}

// treeEnv is the whole environment in a tree.
var treeEnv = []string{
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	"HOME=/root", "USER=root", "LOGNAME=root", "SHELL=/bin/sh", "DEBIAN_FRONTEND=noninteractive",
}

// command runs c in the root of a view, on the thread that has it.
func (t *tree) command(ctx context.Context, root string, c run.Cmd) (run.Result, error) {
	c.Root, c.Tied = root, true
	return t.runner().Run(ctx, c)
}

// runner starts programs with the environment of a tree.
func (t *tree) runner() *run.Runner {
	return &run.Runner{Log: t.r.Log, Env: treeEnv, Offline: t.r.Offline}
}
