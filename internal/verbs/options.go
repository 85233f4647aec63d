package verbs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"modwsgi/apxs"
	"modwsgi/csrc"
	"modwsgi/internal/fsx"
	"modwsgi/internal/hint"
	"modwsgi/internal/words"
	"modwsgi/pybuild"
)

// Options are those of a build into the folder dir, by what holds for the job. A
// source of nil is ours.
func (j *Job) Options(apache *apxs.Info, pythons []pybuild.Info, source fs.FS, dir string) (csrc.Options, error) {
	o := csrc.Options{
		Apache: apache, Python: pythons, Source: source, Dir: dir, Jobs: j.Count("jobs"),
		Profile: csrc.Profile(j.Text("profile")), Builder: csrc.Builder(j.Text("builder")), Strict: j.On("strict"),
		RunPath: j.Text("rpath"), InstallDir: j.Text("install_dir"), Package: j.On("packaged"), AllowStatic: j.On("allow_static"),
		Static: map[string]csrc.StaticLibrary{}, Cache: j.Text("cache"),
	}
	var unread error
	o.Defines, unread = words.Split(j.Text("define"))
	if unread == nil {
		unread = csrc.CheckDefines(o.Defines)
	}
	for _, py := range pythons {
		if py.LibPython == "" && py.Archive != "" { // else a shared one is there, which is better
			o.Static[py.ABI.Folder()] = csrc.StaticLibrary{Archive: py.Archive, Libs: py.StaticLibs}
		}
	}
	err := errors.Join(j.Blame("define", unread), j.Blame("rpath", csrc.CheckRunPath(o.RunPath)))
	if err != nil {
		err = hint.Exit(err, hint.Usage)
	}
	return o, err
}

// withCache gives o the cache that was named, else the user's own if there can be
// one: nobody is kept from building by a home folder that cannot be written.
func (j *Job) withCache(o csrc.Options) csrc.Options {
	if o.Cache != "" {
		return o
	}
	if dir := fsx.CacheFolder(j.R.Getenv); dir != "" {
		if _, err := csrc.OpenCache(dir); err == nil {
			o.Cache = dir
		}
	}
	return o
}

// TrimCache removes from the cache what the options cache_age and cache_size do
// not keep; of a dry run, it is only counted.
func (j *Job) TrimCache() (done csrc.Trimmed, dir string, err error) {
	dir = fsx.CacheFolder(j.R.Getenv)
	c, ok := csrc.LookCache(dir)
	if !ok {
		return done, dir, nil
	}
	keep := csrc.Keep{Age: time.Duration(j.Count("cache_age")) * 24 * time.Hour, Size: int64(j.Count("cache_size")) << 20, Dry: j.Dry()}
	done, err = c.Trim(keep, time.Now())
	return done, dir, err
}

// usable is a Python that can be built for: also one that has nothing but a
// static library, where that is allowed (rule S-6).
func (j *Job) usable(info pybuild.Info, err error) (pybuild.Info, error) {
	onlyStatic := errors.Is(err, pybuild.ErrShared) && !errors.Is(err, pybuild.ErrHeaders) && info.Archive != ""
	switch {
	case onlyStatic && j.On("allow_static"):
		return info, nil
	case onlyStatic:
		return info, hint.New(err, fmt.Sprintf("%s; or link the static library %s whole: MODWSGI_ALLOW_STATIC=1", hint.Of(err), info.Archive))
	}
	return info, err
}

// named finds one of several Pythons.
func (j *Job) named(ctx context.Context, name string) (pybuild.Info, error) {
	return j.usable(pybuild.Find(ctx, j.R, name))
}
