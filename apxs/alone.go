package apxs

import (
	"context"
	"path/filepath"
	"strings"

	"modwsgi/internal/hint"
	"modwsgi/internal/run"
)

// FindServer is [Find] for who compiles nothing. Where there is no apxs, since the
// packages for development are not installed, a server alone does, and speaks for
// itself; what modules are compiled with is left out then.
func FindServer(ctx context.Context, r *run.Runner, explicit string) (Info, error) {
	return newFinder(r).findServer(ctx, explicit)
}

func (f *finder) findServer(ctx context.Context, explicit string) (Info, error) {
	info, err := f.find(ctx, explicit)
	if name, _ := f.asked(explicit); err == nil || name != "" || f.r.Getenv(recordSetting) != "" || hint.Code(err) != hint.NotFound {
		return info, err
	}
	for _, c := range f.bareServers(map[string]bool{}) {
		if info, ok := f.alone(ctx, c.Httpd); ok {
			return info, nil
		}
	}
	return info, err
}

// alone describes a server by what it says itself; ok is false if that is not
// enough to load a module into it.
func (f *finder) alone(ctx context.Context, httpd string) (info Info, ok bool) {
	d := &draft{finder: f, w: &witness{err: errNoApxs}, info: Info{From: map[string]Provenance{}}}
	rep, err := version(ctx, bare(f.r), httpd, "-V")
	if err == nil && confFile(rep) != "" { // its envvars lie there, and say the rest
		rep, err = askBinary(ctx, f.r, httpd, filepath.Dir(confFile(rep)), f.root)
	}
	if err != nil || rep.MMN.Major == 0 || older(rep.Version, oldest) {
		return d.info, false
	}
	take(&d.info, httpd, rep)
	parts := strings.SplitN(rep.Version, ".", 3)
	d.info.Version, d.info.MMN = rep.Version, MMN{"AP" + strings.Join(parts[:2], ""), rep.MMN.Major, rep.MMN.Minor}
	d.from(FromBinary, "version", "mmn", "httpd")
	d.sysconf = d.info.ConfDir
	d.note("the server %s is here without what modules are compiled with", httpd)
	return d.info, d.modules(ctx) == nil
}
