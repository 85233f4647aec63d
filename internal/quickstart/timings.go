package quickstart

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"modwsgi/csrc/layouts"
	"modwsgi/internal/run"
	"modwsgi/internal/setup"
	"modwsgi/matrix"
)

// timingRounds is how often builds are timed; startRounds starts, which take a tenth
// of a second and differ by as much when something else runs.
const (
	timingRounds = 3
	startRounds  = 15
)

// timings measures what somebody waits for: builds of the original's release by
// this toolchain and by its own, and start-server. In turns, as the rest.
func (b *benchChain) timings() error {
	if !b.plan.Builds {
		return nil
	}
	err := b.step("timing builds of mod_wsgi "+setup.OriginalVersion, func() (string, error) {
		if b.module.Absent != "" {
			b.missing = append(b.missing, "builds: "+b.module.Absent)
			return "absent", nil
		}
		for round := range timingRounds {
			b.steps.Note(fmt.Sprintf("round %d", round+1))
			one, err := b.timeBuild(round + 1)
			if err != nil {
				b.missing = append(b.missing, "builds: "+err.Error())
				return "failed", b.ctx.Err()
			}
			b.result.Builds = append(b.result.Builds, one)
		}
		return fmt.Sprintf("%d rounds", timingRounds), nil
	})
	if err != nil {
		return err
	}
	return b.step("timing start-server", func() (string, error) {
		if err := b.timeStarts(); err != nil {
			b.missing = append(b.missing, "starts: "+err.Error())
			return "failed", b.ctx.Err()
		}
		return fmt.Sprintf("%d rounds", startRounds), nil
	})
}

// timeStarts times both commands, in turns.
func (b *benchChain) timeStarts() error {
	original, err := setup.OriginalExpress(b.ctx, b.r, b.steps.Note, b.folder, b.python)
	if err != nil {
		return err
	}
	ours := filepath.Join(b.folder, "mod_wsgi-express")
	if _, err = b.r.Run(b.ctx, makeExpress(b.dir, ours)); err != nil {
		return err
	}
	own := []string{"--python-executable", b.python.Executable, "--apxs", b.apache.Apxs, "--module-file", b.layout.Module}
	for round := range startRounds + 1 { // the first fills caches and does not count
		one := matrix.StartTiming{Round: round}
		both := []func() error{
			func() (err error) { one.Ours, err = b.timeStart(ours, own...); return err },
			func() (err error) { one.Original, err = b.timeStart(original); return err },
		}
		if round%2 == 0 {
			slices.Reverse(both)
		}
		for _, start := range both {
			if err := start(); err != nil {
				return err
			}
		}
		if round > 0 {
			b.result.Starts = append(b.result.Starts, one)
		}
	}
	return nil
}

// helloApp is the application that start-server serves.
const helloApp = `def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "12")])
    return [b"Hello World!"]
`

// timeStart runs a program's start-server until its first answer, and stops it.
func (b *benchChain) timeStart(program string, more ...string) (_ float64, err error) {
	root, err := os.MkdirTemp("", "modwsgi-bench-start-")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(root)) }()
	app := filepath.Join(root, "app.py")
	if err := errors.Join(os.Chmod(root, 0o755), os.WriteFile(app, []byte(helloApp), 0o644)); err != nil {
		return 0, err
	}
	port, err := matrix.FreePort()
	if err != nil {
		return 0, err
	}
	args := append([]string{"start-server", app, "--host", "127.0.0.1", "--port", strconv.Itoa(port), "--server-root", filepath.Join(root, "server"),
		"--log-to-terminal", "--working-directory", root}, more...)
	if isRoot() {
		user, group, err := matrix.ServerUser()
		if err != nil {
			return 0, err
		}
		args = append(args, "--user", user, "--group", group)
	}
	began := time.Now()
	server, err := b.r.Start(b.ctx, run.Cmd{Path: program, Args: args})
	if err != nil {
		return 0, err
	}
	_, askErr := ask(b.ctx, fmt.Sprintf("http://127.0.0.1:%d/", port))
	took := time.Since(began).Seconds()
	stopErr := server.Signal(syscall.SIGTERM)
	said, _ := server.Wait() // how it ends is not what is measured
	if err := errors.Join(askErr, stopErr); err != nil {
		return 0, fmt.Errorf("%s start-server: %w: %s", filepath.Base(filepath.Dir(program)), err, said.Stderr)
	}
	return took, nil
}

// timeBuild builds the release anew by both, in folders of their own, with as
// many programs at once as there are processors, up to two, and no cache in front
// of the compiler. Who begins changes with each round.
func (b *benchChain) timeBuild(round int) (t matrix.BuildTiming, err error) {
	t.Round = round
	temp, err := os.MkdirTemp("", "modwsgi-bench-build-")
	if err != nil {
		return t, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temp)) }()
	both := []func() error{
		func() error { return b.timeOurs(filepath.Join(temp, "ours"), &t) },
		func() error { return b.timeTheirs(filepath.Join(temp, "theirs"), &t) },
	}
	if round%2 == 0 {
		slices.Reverse(both)
	}
	for _, build := range both {
		if err := build(); err != nil {
			return t, err
		}
	}
	return t, nil
}

// timeOurs builds a copy of the release by this toolchain: all of it, again, and
// with one file changed.
func (b *benchChain) timeOurs(temp string, t *matrix.BuildTiming) error {
	tree := filepath.Join(temp, "source")
	if err := errors.Join(os.Mkdir(temp, 0o755), copyTree(b.rivals.Source.Command[0], tree)); err != nil {
		return err
	}
	build := func(compiled int) func() error {
		return func() error {
			built, err := b.buildRelease(tree, filepath.Join(temp, "build"), setup.Cores())
			if err == nil && compiled >= 0 && built.Compiled != compiled {
				err = fmt.Errorf("%d files were compiled where %d had changed", built.Compiled, compiled)
			}
			return err
		}
	}
	const all = -1
	var err error
	if t.Ours, err = seconds(build(all)); err != nil {
		return err
	}
	if t.Unchanged, err = seconds(build(0)); err != nil {
		return err
	}
	classic := layouts.Classic()
	if err := appendTo(filepath.Join(tree, classic.Path(classic.Marks[0])), "/* changed */\n"); err != nil {
		return err
	}
	t.Touched, err = seconds(build(1))
	return err
}

// timeTheirs builds a copy of the release as its own instructions say.
func (b *benchChain) timeTheirs(tree string, t *matrix.BuildTiming) (err error) {
	if err := copyTree(b.rivals.Source.Command[0], tree); err != nil {
		return err
	}
	t.Make, err = seconds(func() error {
		for _, c := range []run.Cmd{
			{Dir: tree, Path: filepath.Join(tree, "configure"), Args: []string{"--with-apxs=" + b.apache.Apxs, "--with-python=" + b.python.Executable}},
			{Dir: tree, Path: "make", Args: []string{"-j" + strconv.Itoa(setup.Cores())}},
		} {
			c.Env = []string{noCache}
			if _, err := b.r.Run(b.ctx, c); err != nil {
				return err
			}
		}
		return nil
	})
	return err
}

// noCache keeps a ccache that stands before the compiler out of what is measured.
const noCache = "CCACHE_DISABLE=1"

// seconds is how long f takes.
func seconds(f func() error) (float64, error) {
	began := time.Now()
	err := f()
	return time.Since(began).Seconds(), err
}

// appendTo adds text to a file.
func appendTo(path, text string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// copyTree copies a folder with the modes of its files: configure is executed.
func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		if e.IsDir() {
			return os.Mkdir(target, 0o755)
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(target, data, info.Mode().Perm())
	})
}
