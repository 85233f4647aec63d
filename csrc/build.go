package csrc

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"modwsgi/internal/fsx"
	"modwsgi/internal/hint"
	"modwsgi/internal/run"
)

// Build makes the halves that o names. What is there and would come out the
// same is left alone; if that is all of it, no program starts and no file is
// written. A target that fails keeps its old file.
func Build(ctx context.Context, r *run.Runner, o Options) (Artifact, error) {
	if err := o.check(); err != nil {
		return Artifact{}, err
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil || o.Dir == "" {
		return Artifact{}, errors.Join(fmt.Errorf("the build folder %q cannot be used", o.Dir), err)
	}
	source := o.Source
	if source == nil {
		source = Sources()
	}
	t, err := readTree(source)
	if err != nil {
		return Artifact{}, err
	}
	if err := fsx.MkdirAll(filepath.Join(dir, "obj"), 0o755); err != nil {
		return Artifact{}, err
	}
	b := &builder{r: r, o: o, dir: dir, tree: t, env: buildEnv(r)}
	if o.Cache != "" {
		if b.cache, err = OpenCache(o.Cache); err != nil {
			return Artifact{}, hint.New(err, "name another folder: MODWSGI_CACHE=")
		}
	}
	release, err := fsx.Lock(ctx, filepath.Join(dir, "obj", "lock"), func(pid int) {
		b.say(0, 0, fmt.Sprintf("waiting for another build in this folder (process %d)", pid))
	})
	if errors.Is(err, fs.ErrPermission) {
		err = hint.New(err, "the build folder belongs to somebody else: take it over (chown -R), remove it, or build in another one")
	}
	if err != nil {
		return Artifact{}, err
	}
	defer release()

	b.state = loadState(dir)
	err = b.build(ctx)
	b.later.Wait()
	// Also of a failed build: what did compile need not be compiled again.
	return b.artifact, errors.Join(err, b.state.save(dir))
}

// builder is one run of Build. The lock of the folder is held.
type builder struct {
	r        *run.Runner
	o        Options
	dir      string
	tree     *tree
	env      []string
	state    *state
	cache    *Cache // nil: none
	facts    Facts
	plan     Plan
	artifact Artifact
	pool     *pool
	later    sync.WaitGroup // what is being put into the cache: nobody waits for the disk before the end
}

func (b *builder) build(ctx context.Context) error {
	if err := b.checkWindow(); err != nil {
		return err
	}
	cc, err := b.compiler(ctx)
	if err != nil {
		return err
	}
	if b.facts, err = b.gather(ctx, cc); err != nil {
		return err
	}
	if b.plan, err = NewPlan(b.tree.targets(), b.facts); err != nil {
		return err
	}
	if err := b.takeFolder(); err != nil {
		return err
	}
	if err := b.missing(); err != nil {
		return err
	}
	b.artifact = Artifact{Dir: b.dir, Version: b.facts.Version, Source: b.tree.hash, Compiler: cc.Version, Dropped: b.facts.Foreign.Dropped}
	b.artifact.Warnings = b.o.staticWarnings()

	var compiles []Compile
	for _, c := range b.plan.Compiles {
		if !b.state.current(b.dir, b.tree, c) {
			compiles = append(compiles, c)
		}
	}
	b.artifact.Cached = len(b.plan.Compiles) - len(compiles)
	b.pool = &pool{jobs: b.jobs(), total: len(compiles) + b.linksAtMost(compiles), say: b.say}
	if len(compiles) > 0 {
		if err := b.writeSources(); err != nil {
			return err
		}
		if err := b.compileAll(ctx, compiles); err != nil {
			return err
		}
	}
	if err := b.linkAll(ctx); err != nil {
		return err
	}
	if err := b.strict(); err != nil {
		return err
	}
	if b.tree.layout == layoutClassic {
		b.artifact.Module = filepath.Join(b.dir, ClassicModule)
		b.prctlNotes()
		b.reportRunPaths()
		return nil
	}
	if err := b.writeHalves(); err != nil {
		return err
	}
	return b.writeRuntime()
}

// takeFolder refuses a folder that holds a build of the other layout: its module
// would be replaced and the rest of it left beside one that it does not belong
// to.
func (b *builder) takeFolder() error {
	if b.state.Layout != b.tree.layout && len(b.state.Links) > 0 {
		return hint.Exit(hint.New(fmt.Errorf("%s holds a build of another kind of source tree", b.dir),
			"build into another folder, or remove that one"), hint.Usage)
	}
	if b.state.Layout != b.tree.layout {
		b.state.Layout, b.state.dirty = b.tree.layout, true
	}
	if b.tree.layout != layoutClassic {
		return nil
	}
	exports := filepath.Join(b.dir, filepath.FromSlash(exportsFile))
	if old, err := os.ReadFile(exports); err == nil && string(old) == exportsText {
		return nil
	}
	return fsx.WriteFile(exports, []byte(exportsText), 0o644)
}

// missing names the planned sources that the tree does not have, all at once.
func (b *builder) missing() error {
	var names []string
	for _, c := range b.plan.Compiles {
		if _, ok := b.tree.files[c.Source.File]; !ok && !slices.Contains(names, c.Source.File) {
			names = append(names, c.Source.File)
		}
	}
	if len(names) > 0 {
		return fmt.Errorf("the C sources lack %s", strings.Join(names, ", "))
	}
	return nil
}

// compiler returns the compiler to use; a known one without running it.
func (b *builder) compiler(ctx context.Context) (Compiler, error) {
	command, programs, err := FindCompiler(b.r, b.o.Apache)
	if err != nil {
		return Compiler{}, err
	}
	words := slices.Concat(command, b.env)
	for _, name := range environ {
		words = append(words, name+"="+b.r.Getenv(name))
	}
	for _, path := range programs {
		s, err := look(path)
		if err != nil {
			return Compiler{}, fmt.Errorf("looking at the compiler: %w", err)
		}
		words = append(words, fmt.Sprint(path, s.Size, s.Time, s.Inode))
	}
	key := hash(words)
	if b.state.Compiler.Key == key {
		return b.state.Compiler.Compiler, nil
	}
	b.say(0, 0, "trying the compiler "+strings.Join(command, " "))
	cc, err := probeCompiler(ctx, b.r, command)
	if err != nil {
		return cc, err
	}
	b.state.Compiler = knownCompiler{Key: key, Compiler: cc}
	b.state.dirty = true
	return cc, nil
}

// jobs is how many compilers run at once.
func (b *builder) jobs() int {
	if b.o.Jobs > 0 {
		return b.o.Jobs
	}
	return jobsFor(runtime.NumCPU(), freeMemory())
}

// jobsFor is one for each processor, as far as half a gigabyte of memory is free
// for each (rule C-8).
func jobsFor(processors, free int) int { return max(1, min(processors, free/(512<<20))) }

// freeMemory is what the kernel says can be had without swapping, in bytes;
// plenty where it does not say.
func freeMemory() int {
	const plenty = 1 << 40
	data, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return plenty
	}
	for line := range strings.Lines(string(data)) {
		var kb int
		if n, _ := fmt.Sscanf(line, "MemAvailable: %d kB", &kb); n == 1 {
			return kb << 10
		}
	}
	return plenty
}

func (b *builder) say(done, total int, what string) {
	if b.o.Progress != nil {
		b.o.Progress(done, total, what)
	}
}

// writeSources puts the sources where the compiler runs: copies that nobody is
// meant to edit, in a folder named by what is in them.
func (b *builder) writeSources() error {
	name := b.tree.folder()
	root := filepath.Join(b.dir, "src", name)
	if b.state.Sources == name && b.haveSources(root) {
		return nil
	}
	files := make([]fsx.File, 0, len(b.tree.names))
	for _, n := range b.tree.names {
		files = append(files, fsx.File{Path: n, Mode: 0o444, Data: b.tree.files[n], Passing: true}) // haveSources looks into them
	}
	if err := fsx.ReplaceTree(root, files); err != nil {
		return err
	}
	old := b.state.Sources
	b.state.Sources, b.state.dirty = name, true
	if old != "" && old != name && filepath.IsLocal(old) {
		return fsx.RemoveAll(filepath.Join(b.dir, "src", old))
	}
	return nil
}

// haveSources says whether the copies are those we wrote.
func (b *builder) haveSources(root string) bool {
	entries, err := os.ReadDir(root)
	if err != nil || len(entries) != len(b.tree.names) {
		return false
	}
	for _, n := range b.tree.names {
		data, err := os.ReadFile(filepath.Join(root, n))
		if err != nil || string(data) != string(b.tree.files[n]) {
			return false
		}
	}
	return true
}

// compileAll makes objects. The headers of their tiers are looked at first, side
// by side with the first of them; if these are the wrong ones, no other starts.
func (b *builder) compileAll(ctx context.Context, list []Compile) error {
	for _, c := range list {
		if err := fsx.MkdirAll(filepath.Join(b.dir, path.Dir(c.Object)), 0o755); err != nil {
			return err
		}
	}
	// The largest first, so that no processor is left alone with one at the end.
	slices.SortStableFunc(list, func(x, y Compile) int {
		return len(b.tree.files[y.Source.File]) - len(b.tree.files[x.Source.File])
	})
	flights := b.preflights(list)
	n := len(flights)
	b.pool.total += n
	return b.pool.run(ctx, n+len(list), func(i int) string {
		if i < n {
			return "checking " + flights[i].What
		}
		return "compiling " + list[i-n].describe()
	}, func(i int) error {
		if i < n {
			return b.fly(ctx, flights[i])
		}
		return b.compile(ctx, list[i-n])
	})
}

func (c Compile) describe() string {
	if c.ABI != "" {
		return c.Source.File + " for " + c.ABI
	}
	return c.Source.File
}

// compile makes one object and notes how.
func (b *builder) compile(ctx context.Context, c Compile) error {
	key := cacheKey(c)
	release, err := b.lockKey(ctx, key, c.describe())
	if err != nil {
		return err
	}
	v, reused := b.cachedObject(key, c)
	if !reused {
		v, err = b.compileNow(ctx, c)
	}
	if reused || err != nil {
		release()
	} else {
		b.later.Go(func() { defer release(); b.keepObject(key, c, v) })
	}
	if err != nil {
		return err
	}
	made := object{Key: c.Key, Read: v.Read, Inputs: v.Inputs}
	if made.File, err = read(filepath.Join(b.dir, c.Object)); err != nil {
		return fmt.Errorf("compiling %s: %w", c.Source.File, err)
	}
	b.state.mu.Lock()
	defer b.state.mu.Unlock()
	b.state.Objects[c.Object] = made
	b.state.dirty = true
	b.artifact.Compiled++
	if reused {
		b.artifact.Reused++
	}
	if v.Said != "" {
		b.artifact.Warnings = append(b.artifact.Warnings, v.Said)
	}
	return nil
}

// compileNow makes an object that nobody has made yet.
func (b *builder) compileNow(ctx context.Context, c Compile) (v variant, err error) {
	doing := "compiling " + c.Source.File
	if v.Said, v.Read, err = b.traced(ctx, doing, c.ABI, c.Command, c.Depends); err != nil {
		return v, err
	}
	if v.Inputs, err = b.state.inputs(b.tree, v.Read); err != nil {
		return v, fmt.Errorf("%s: %w", doing, err)
	}
	return v, nil
}

// traced runs a compiler that lists the files it reads in depends, and returns what
// it said and that list.
func (b *builder) traced(ctx context.Context, doing, abi string, c Command, depends string) (said string, files []string, err error) {
	if said, err = b.tool(ctx, doing, abi, c); err != nil {
		return "", nil, err
	}
	rule, err := os.ReadFile(filepath.Join(b.dir, filepath.FromSlash(depends)))
	if err == nil {
		files, err = parseDepends(string(rule))
	}
	if err != nil {
		return "", nil, fmt.Errorf("%s: %w", doing, err)
	}
	return said, files, nil
}

// tool runs a compiler or linker and returns what it said while it succeeded.
func (b *builder) tool(ctx context.Context, doing, abi string, c Command) (string, error) {
	cmd := run.Cmd{Dir: c.Dir, Path: c.Args[0], Args: c.Args[1:], Env: b.env}
	res, err := b.r.Run(ctx, cmd)
	if err == nil {
		return strings.TrimSpace(res.Stderr), nil
	}
	// The run's own text would quote all of this again.
	reason := err
	var e *run.Error
	if errors.As(err, &e) {
		reason = e.Err
	}
	return "", advice(&ToolError{Doing: doing, Said: firstDiagnostic(res.Stderr), Line: cmd.Line(), Err: reason}, abi)
}
