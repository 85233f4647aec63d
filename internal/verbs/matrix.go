package verbs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"modwsgi/apxs"
	"modwsgi/internal/fsx"
	"modwsgi/internal/hint"
	"modwsgi/matrix"
	"modwsgi/matrix/plan"
	"modwsgi/matrix/provider"
	"modwsgi/pybuild"
)

// matrixFolder is where plans and results of a matrix are, below the working folder.
const matrixFolder = "build/matrix"

// MatrixList lists the cells that are asked for: words are a mode and selectors, in
// place of the option cells.
func MatrixList(words ...string) func(context.Context, *Job) error {
	return func(ctx context.Context, j *Job) error {
		p, err := j.matrix(ctx, words)
		if err != nil {
			return err
		}
		return j.Print(p, p.Table)
	}
}

// MatrixPlan writes plan.json with the cells that are asked for, spread over as many
// shards as the option says (rule M-13).
func MatrixPlan(words ...string) func(context.Context, *Job) error {
	return func(ctx context.Context, j *Job) error {
		p, err := j.matrix(ctx, words)
		if err != nil {
			return err
		}
		timings, err := j.timings()
		if err != nil {
			return err
		}
		if n := j.Count("shards"); n > 0 {
			p.Shards = p.Shard(timings, n)
		}
		path, steps, err := j.writePlan(p)
		if err != nil {
			return err
		}
		if j.Dry() {
			return j.Plan(steps)
		}
		return j.Print(p, func(w io.Writer) error {
			_, err := fmt.Fprintf(w, "%s\n%s: plan %s\n", p.Counts(), path, p.Hash)
			return err
		})
	}
}

// writePlan writes plan.json to where the option plan says. Of a dry run, it gives
// the step.
func (j *Job) writePlan(p *plan.Plan) (path string, steps []string, err error) {
	path = j.Text("plan")
	if path == "" {
		path = filepath.Join(j.Dir, matrixFolder, "plan.json")
	}
	data, err := p.Write()
	if err != nil || j.Dry() {
		return path, []string{fmt.Sprintf("write %s: %s", path, p.Counts())}, err
	}
	if err := fsx.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return path, nil, err
	}
	return path, nil, fsx.WriteFile(path, data, 0o644)
}

// matrix plans the cells that are asked for.
func (j *Job) matrix(ctx context.Context, words []string) (*plan.Plan, error) {
	c, err := j.matrixFile()
	if err != nil {
		return nil, err
	}
	if len(words) == 0 {
		words = strings.Fields(j.Text("cells"))
	}
	mode, selectors, err := plan.Words(words, plan.Full)
	if err != nil {
		return nil, err
	}
	q := plan.Request{Mode: mode, Selectors: selectors}
	if mode == plan.Changed {
		if q.Changed, err = j.changed(); err != nil {
			return nil, err
		}
	}
	m, err := j.machine(ctx, c)
	if err != nil {
		return nil, err
	}
	return plan.New(c, m, q)
}

// matrixFile reads matrix.toml, or the file that the option names. Without one, the
// matrix is what the machine has.
func (j *Job) matrixFile() (*plan.Config, error) {
	path, name := j.Text("matrix_file"), j.Text("matrix_file")
	if path == "" {
		path, name = filepath.Join(j.Dir, plan.ConfigFile), plan.ConfigFile
	}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && j.Text("matrix_file") == "" {
		return plan.ReadConfig(name, "")
	}
	if err != nil {
		return nil, hint.Exit(fmt.Errorf("reading what the matrix has: %w", err), hint.Usage)
	}
	c, err := plan.ReadConfig(name, string(data))
	if err != nil {
		return nil, err
	}
	c.Archives = c.Archives.In(filepath.Dir(path))
	return c, nil
}

// changed are the paths of the file that the option changed names, a line each, as
// git diff --name-only writes them.
func (j *Job) changed() ([]string, error) {
	path := j.Text("changed")
	if path == "" {
		return nil, hint.Exit(hint.New(errors.New("which paths changed is not said"),
			"git diff --name-only main... >changed.txt, and "+j.Tool.Option("changed", "changed.txt")), hint.Usage)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, hint.Exit(fmt.Errorf("reading which paths changed: %w", err), hint.Usage)
	}
	return strings.FieldsFunc(string(data), func(c rune) bool { return c == '\n' || c == '\r' }), nil
}

// timings are those of an earlier run; none, if there was none.
func (j *Job) timings() (plan.Timings, error) {
	path := j.Text("timings")
	if path == "" {
		path = filepath.Join(j.Dir, matrixFolder, "timings.json")
	}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && j.Text("timings") == "" {
		return nil, nil
	}
	if err != nil {
		return nil, hint.Exit(fmt.Errorf("reading the timings: %w", err), hint.Usage)
	}
	return plan.ReadTimings(data)
}

// machine finds the Apaches and Pythons that a matrix can be run with: those that
// the options or the file name, or all that can be built for.
func (j *Job) machine(ctx context.Context, c *plan.Config) (plan.Machine, error) {
	var m plan.Machine
	var err error
	if m.Lacking, err = j.lackingProviders(ctx, c); err != nil {
		return m, err
	}
	if m.Apaches, err = j.servers(ctx, c); err != nil {
		return m, err
	}
	m.Pythons, err = j.runtimes(ctx, c)
	return m, err
}

// lackingProviders are the kinds of other machines that the file names and that cannot
// be had here. The others are not asked: that starts programs.
func (j *Job) lackingProviders(ctx context.Context, c *plan.Config) (map[string]plan.Reason, error) {
	named := map[string]bool{}
	for _, value := range c.Providers() {
		kind, _, err := provider.Parse(strings.ReplaceAll(value, ":", "-"))
		if err != nil {
			return nil, hint.Exit(err, hint.Usage)
		}
		named[kind] = kind != provider.HostName
	}
	if !slices.Contains(slices.Collect(maps.Values(named)), true) {
		return nil, nil
	}
	store, err := provider.OpenStore(j.R)
	if err != nil {
		return nil, err
	}
	list := slices.DeleteFunc(j.providers(store, c.Archives.Apache), func(p provider.Provider) bool { return !named[p.Name()] })
	lacking := map[string]plan.Reason{}
	for kind, why := range provider.Lacking(ctx, list) {
		lacking[kind] = plan.Reason(why)
	}
	return lacking, nil
}

// servers are the Apaches.
func (j *Job) servers(ctx context.Context, c *plan.Config) ([]plan.Server, error) {
	if j.Text("apxs") != "" || j.Text("apache_config") != "" {
		info, err := j.Apache(ctx)
		return []plan.Server{j.server(ctx, info)}, err
	}
	var all []plan.Server
	for _, a := range apxs.Candidates(ctx, j.R) {
		if a.Usable && a.Info != nil {
			all = append(all, j.server(ctx, *a.Info))
		}
	}
	if len(c.Servers()) == 0 {
		return all, nil
	}
	var list []plan.Server
	for _, name := range c.Servers() {
		list = append(list, j.serverNamed(ctx, name, all))
	}
	return list, nil
}

// runtimes are the Pythons.
func (j *Job) runtimes(ctx context.Context, c *plan.Config) ([]plan.Runtime, error) {
	if j.Text("python") != "" || j.Text("python_config") != "" {
		info, err := j.Python(ctx)
		return []plan.Runtime{runtimeOf(info)}, err
	}
	var list []plan.Runtime
	if len(c.Requests()) == 0 {
		for _, p := range pybuild.Candidates(ctx, j.R) {
			if fit(p) {
				list = append(list, runtimeOf(*p.Info))
			}
		}
		return list, nil
	}
	for _, request := range c.Requests() {
		r := plan.Runtime{Request: request}
		switch info, err := pybuild.Find(ctx, j.R, request); {
		case err == nil, errors.Is(err, pybuild.ErrShared) && info.Archive != "":
			r = runtimeOf(info)
			r.Request = request
		case ctx.Err() != nil, hint.Code(err) != hint.NotFound:
			return nil, err
		default: // its cells are skipped, and say so
			fmt.Fprintf(j.Err, "note: %v\n", err)
			if c.Archives.Python[request] != "" {
				fmt.Fprintf(j.Err, "note: %s makes it\n", j.Tool.Python(request))
			}
		}
		list = append(list, r)
	}
	return list, nil
}

// fit tells whether a Python that was come across is one of the machine's: a base
// interpreter with a library to link, which Apache's user can run too.
func fit(p pybuild.Candidate) bool {
	if p.Info == nil || p.Info.Environment != nil || pybuild.Private(*p.Info) != nil {
		return false
	}
	return p.Usable || p.Info.LibPython == "" && p.Info.Archive != ""
}

// server is what a plan knows of an Apache.
func (j *Job) server(ctx context.Context, info apxs.Info) plan.Server {
	return plan.Server{Version: info.Version, Apxs: info.Apxs, MPMs: matrix.LoadableMPMs(ctx, j.R, info)}
}

// serverNamed is the Apache that the file asks for: a version of those there are, or
// the path of an apxs. One that is missing has no MPM, and its cells are skipped.
func (j *Job) serverNamed(ctx context.Context, name string, all []plan.Server) plan.Server {
	if !strings.Contains(name, "/") {
		version := strings.TrimPrefix(name, "ap")
		for _, s := range all {
			if s.Version == version {
				return s
			}
		}
		return plan.Server{Version: version}
	}
	info, err := apxs.Find(ctx, j.R, name)
	if err != nil {
		fmt.Fprintf(j.Err, "note: %v\n", err)
		return plan.Server{Version: filepath.Base(filepath.Dir(filepath.Dir(name)))}
	}
	return j.server(ctx, info)
}

// runtimeOf is what a plan knows of a Python.
func runtimeOf(info pybuild.Info) plan.Runtime {
	return plan.Runtime{
		Version: info.Version, Executable: info.Executable, ABI: info.ABI.FullID(), Free: info.ABI.Free, Debug: info.ABI.Debug,
		Shared: info.LibPython != "", Static: info.Archive != "", Sanitizer: map[string]string{"thread": plan.Thread, "address": plan.Address}[info.Sanitizer],
	}
}
