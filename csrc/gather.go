package csrc

import (
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"modwsgi/internal/hint"
)

// check refuses options that no build follows from, all at once.
func (o Options) check() error {
	if err := supported(runtime.GOOS, o.Builder); err != nil {
		return err
	}
	_, profile := ParseProfile(string(o.Profile))
	_, builder := ParseBuilder(string(o.Builder))
	return errors.Join(profile, builder, CheckRunPath(o.RunPath), CheckDefines(o.Defines), o.checkStatic())
}

// gather puts together what the plan depends on besides the sources. Programs are
// started only where flags of others are not known yet.
func (b *builder) gather(ctx context.Context, cc Compiler) (Facts, error) {
	f := Facts{
		Dir: b.dir, Source: "src/" + b.tree.folder(), Version: b.tree.version, Classic: b.tree.layout == layoutClassic,
		Compiler: cc, Apache: b.o.Apache, Python: b.o.Python, System: runtime.GOOS,
		Sums: b.tree.targetSums(b.tree.targets()), Profile: b.o.Profile, Builder: b.o.Builder,
		Defines: b.o.Defines, Package: b.o.Package, Install: b.o.InstallDir, Static: b.o.Static, Paths: map[string]RunPaths{},
	}
	var err error
	if f.Install != "" {
		if f.Install, err = filepath.Abs(f.Install); err != nil {
			return f, err
		}
	}
	for i, py := range b.o.Python {
		if _, static := f.static(&b.o.Python[i]); static || py.LibPython == "" {
			continue
		}
		if f.Paths[py.ABI.Folder()], err = b.o.runPaths(py); err != nil {
			return f, fmt.Errorf("%s cannot be linked: %w", py.Executable, err)
		}
	}
	if f.Bits, err = b.bits(cc); err != nil {
		return f, err
	}
	f.Foreign, err = b.foreign(ctx, cc)
	return f, err
}

// bits is the size of pointers in the files that results share a process with.
// It refuses files of two machines (rule P-13) and a compiler for another one.
// What is not there yet cannot tell.
func (b *builder) bits(cc Compiler) (int, error) {
	var paths []string
	if b.o.Apache != nil {
		paths = append(paths, b.o.Apache.Httpd)
	}
	for _, py := range b.o.Python {
		paths = append(paths, py.LibPython)
	}
	bits := 0
	var first elf.FileHeader
	var firstPath string
	for _, path := range paths {
		f, err := elf.Open(path)
		if err != nil {
			continue
		}
		f.Close()
		switch kind := f.FileHeader; {
		case firstPath == "":
			first, firstPath = kind, path
		case kind.Machine != first.Machine || kind.Class != first.Class || kind.Data != first.Data:
			return 0, hint.Exit(hint.New(fmt.Errorf("%s is for %v %v, %s for %v %v (MW113)", path, kind.Machine, kind.Class, firstPath, first.Machine, first.Class),
				oneMachine), hint.Refused)
		}
		if err := cc.fits(path, Binary{Class: f.Class, Machine: f.Machine}); err != nil {
			return 0, err
		}
		bits = 64
		if f.Class == elf.ELFCLASS32 {
			bits = 32
		}
	}
	return bits, nil
}

// foreign are the flags of the profile that this compiler takes; known ones
// without a trial.
func (b *builder) foreign(ctx context.Context, cc Compiler) (Foreign, error) {
	if len(flagNames[b.o.Profile]) == 0 {
		return Foreign{}, nil
	}
	key, err := b.foreignKey(cc)
	if err != nil || b.state.Foreign.Key == key {
		return b.state.Foreign.Flags, err
	}
	b.say(0, 0, fmt.Sprintf("trying the flags of the profile %s", b.o.Profile))
	list, err := origins(ctx, b.r, b.o.Profile, b.o.Apache)
	if err != nil {
		return Foreign{}, err
	}
	f, err := tryForeign(ctx, b.r, cc, b.o.Profile, list)
	if err != nil {
		return f, fmt.Errorf("trying the flags of the profile %s: %w", b.o.Profile, err)
	}
	b.state.Foreign, b.state.dirty = knownForeign{Key: key, Flags: f}, true
	return f, nil
}

// foreignKey has all that the flags of a profile depend on: the environment's
// text, or the file of the apxs that answers.
func (b *builder) foreignKey(cc Compiler) (string, error) {
	words := append(cc.identity(), string(b.o.Profile))
	if b.o.Profile == ProfileApxs && b.o.Apache != nil && b.o.Apache.Apxs != "" {
		s, err := look(b.o.Apache.Apxs)
		if err != nil {
			return "", hint.Exit(fmt.Errorf("the profile apxs takes its flags from apxs: %w", err), hint.NotFound)
		}
		return hash(append(words, b.o.Apache.Apxs, fmt.Sprint(s.Size, s.Time, s.Inode))), nil
	}
	for _, v := range flagNames[b.o.Profile] {
		words = append(words, v.name+"="+b.r.Getenv(v.name))
	}
	return hash(words), nil
}

// strict looks at every target, also at those that were current (rule H-2).
func (b *builder) strict() error {
	if !b.o.Strict {
		return nil
	}
	var errs []error
	for _, l := range b.plan.Links {
		weak, err := weaknesses(filepath.Join(b.dir, l.Output))
		if err != nil {
			return err
		}
		for _, w := range weak {
			errs = append(errs, fmt.Errorf("%s: %s", l.describe(), w))
		}
	}
	return hint.Exit(errors.Join(errs...), hint.Unverified)
}

// weaknesses are those of the file at path, with the doctor's code.
func weaknesses(path string) ([]string, error) {
	h, err := ReadHardening(path)
	var list []string
	for _, w := range h.Weaknesses() {
		list = append(list, w+" (MW402)")
	}
	return list, err
}

// reportRunPaths says which Pythons are not found by themselves, and which would
// not be the ones that are found.
func (b *builder) reportRunPaths() {
	for _, py := range b.o.Python {
		if b.facts.Paths[py.ABI.Folder()].Dir != "" || LoadFileLine(py, "") == "" || b.o.Static[py.ABI.Folder()].Archive != "" {
			continue
		}
		if b.facts.Classic {
			b.artifact.LoadFile = py.LibPython
		} else {
			b.artifact.Warnings = append(b.artifact.Warnings, cannotStart(py))
		}
	}
	if b.artifact.Linked > 0 {
		b.artifact.Warnings = append(b.artifact.Warnings, b.o.rivalWarnings()...)
	}
}

// note adds what is to be known of the result, once.
func (b *builder) note(text string) {
	b.state.mu.Lock()
	defer b.state.mu.Unlock()
	if !slices.Contains(b.artifact.Notes, text) {
		b.artifact.Notes = append(b.artifact.Notes, text)
	}
}

// prctlNotes says of a classic tree whether HAVE_PRCTL did anything: a file that
// calls prctl without its header compiles to a call of nothing (rule C-3).
func (b *builder) prctlNotes() {
	if !b.facts.Classic || !b.facts.Compiler.Prctl || b.artifact.Linked == 0 {
		return
	}
	if !b.imports("prctl") {
		b.artifact.Notes = append(b.artifact.Notes, "HAVE_PRCTL has no effect: no object calls prctl")
	}
}

// imports tells whether an object takes a symbol from elsewhere.
func (b *builder) imports(symbol string) bool {
	for _, c := range b.plan.Compiles {
		f, err := elf.Open(filepath.Join(b.dir, c.Object))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return false
		}
		symbols, err := f.Symbols()
		f.Close()
		if err == nil && slices.ContainsFunc(symbols, func(s elf.Symbol) bool { return s.Name == symbol && s.Section == elf.SHN_UNDEF }) {
			return true
		}
	}
	return false
}
