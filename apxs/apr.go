package apxs

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"modwsgi/internal/fsx"
	"modwsgi/internal/hint"
	"modwsgi/internal/run"
	"modwsgi/internal/words"
)

// library is one of the two that Apache stands on, and how it is asked.
type library struct {
	name    string // as in the variables of apxs: "APR"
	program string // "apr-1-config"
	pkg     string // of pkg-config: "apr-1"
	header  string // "apr.h"
	version string // the header with its version, and the prefix of the macros in it
	macro   string
}

var (
	libApr     = library{"APR", "apr-1-config", "apr-1", "apr.h", "apr_version.h", "APR"}
	libAprUtil = library{"APU", "apu-1-config", "apr-util-1", "apu.h", "apu_version.h", "APU"}
)

// aprTimeout is ample for a shell script that prints one line.
const aprTimeout = 30 * time.Second

// apr finds the headers of APR and APR-util, and the words that must be defined
// wherever they are included (rule A-6).
func (d *draft) apr(ctx context.Context) error {
	var dirs []string
	for _, lib := range []library{libApr, libAprUtil} {
		dir, err := d.aprInclude(ctx, lib)
		if err != nil {
			return err
		}
		dirs = append(dirs, dir)
		if !slices.Contains(d.info.IncludeDirs, dir) {
			d.info.IncludeDirs = append(d.info.IncludeDirs, dir)
		}
	}
	d.aprVersion(ctx, &d.info.APR, "apr", libApr, dirs[0])
	d.aprVersion(ctx, &d.info.APU, "apu", libAprUtil, dirs[1])
	var err error
	d.info.Threads, d.info.HasForks, err = aprFeatures(dirs[0])
	if err != nil {
		return fmt.Errorf("reading APR's headers: %w", err)
	}
	d.from(FromHeader, "threads", "has_forks")
	if !d.info.Threads {
		err := &flagged{fmt.Errorf("the APR of this Apache was built without threads (APR_HAS_THREADS in %s)", dirs[0]), FlagNoThreads}
		return hint.Exit(hint.New(err, "build APR and Apache with threads, or name another: APXS=/path/to/apxs"), hint.Refused)
	}
	return nil
}

// aprVersion is that of the headers, else what apxs was built with.
func (d *draft) aprVersion(ctx context.Context, into *string, field string, lib library, dir string) {
	n, err := numbers(filepath.Join(dir, lib.version), lib.macro+"_MAJOR_VERSION", lib.macro+"_MINOR_VERSION", lib.macro+"_PATCH_VERSION")
	if err != nil {
		d.set(ctx, into, field, lib.name+"_VERSION")
		return
	}
	*into = fmt.Sprintf("%d.%d.%d", n[0], n[1], n[2])
	d.from(FromHeader, field)
}

// aprInclude finds the folder of a library's header: as apxs says, as the
// library's own program says, as pkg-config says, else beside Apache's.
func (d *draft) aprInclude(ctx context.Context, lib library) (string, error) {
	if dir, _ := d.w.ask(ctx, lib.name+"_INCLUDEDIR"); fsx.IsFile(filepath.Join(dir, lib.header)) {
		return dir, nil
	}
	if program := d.aprConfig(ctx, lib); program != "" {
		// --includedir is one path; --includes would break at its blanks.
		if dir := d.aprAsk(ctx, program, "--includedir"); fsx.IsFile(filepath.Join(dir, lib.header)) {
			return dir, nil
		}
	}
	include := d.info.IncludeDirs[0]
	beside, _ := fsx.Glob(filepath.Dir(include), "apr-1*") // the pattern is ours
	for _, dir := range slices.Concat(d.pkgConfig(ctx, lib), []string{include}, beside) {
		if fsx.IsFile(filepath.Join(dir, lib.header)) {
			return dir, nil
		}
	}
	of := d.info.Apxs
	if of == "" {
		of = d.given
	}
	return "", d.absent(&flagged{fmt.Errorf("the headers of APR are missing: no %s for %s", lib.header, of), FlagNoHeaders})
}

// aprAsk is what a library's program answers to one option, "" if it does not:
// with several at once some end the output early.
func (d *draft) aprAsk(ctx context.Context, program, option string) string {
	res, err := d.r.Run(ctx, run.Cmd{Path: program, Args: []string{option}, Timeout: aprTimeout})
	if err != nil {
		return ""
	}
	return strings.TrimSpace(res.Stdout)
}

// pkgConfig are the folders of headers that pkg-config names for a library.
func (d *draft) pkgConfig(ctx context.Context, lib library) []string {
	res, err := d.r.Run(ctx, run.Cmd{Path: "pkg-config", Args: []string{"--cflags-only-I", "--keep-system-cflags", lib.pkg}, Timeout: aprTimeout})
	if err != nil {
		return nil
	}
	list, err := words.Split(res.Stdout)
	if err != nil {
		return nil
	}
	for i, word := range list {
		list[i] = strings.TrimPrefix(word, "-I")
	}
	return list
}

// aprConfig is the program of a library, "" if it is not there.
func (d *draft) aprConfig(ctx context.Context, lib library) string {
	said, _ := d.w.ask(ctx, lib.name+"_CONFIG")
	bin, _ := d.w.ask(ctx, lib.name+"_BINDIR")
	for _, path := range []string{said, filepath.Join(bin, lib.program), lib.program} {
		if strings.HasPrefix(path, "/") || path == lib.program {
			if found, err := d.r.LookPath(path); err == nil {
				return found
			}
		}
	}
	return ""
}
