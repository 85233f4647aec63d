package distro

import (
	"context"
	"path/filepath"
	"strings"

	"modwsgi/internal/run"
)

// packageManagers say whose a file is. Each is asked as args with the path, and
// answers by exit status 0 and a line in which name finds the package.
var packageManagers = []struct {
	program string
	args    []string
	name    func(line string) string
}{
	{"dpkg-query", []string{"-S"}, func(line string) string { name, _, _ := strings.Cut(line, ": "); return name }},
	{"rpm", []string{"-qf"}, func(line string) string { return line }},
	{"apk", []string{"info", "-W"}, ownedBy},
	{"pacman", []string{"-Qo"}, ownedBy},
	{"pkg", []string{"which"}, func(line string) string { return line[strings.LastIndex(line, " ")+1:] }},
}

// ownedBy reads "/path is owned by name version".
func ownedBy(line string) string {
	_, name, _ := strings.Cut(line, " is owned by ")
	return name
}

// Owner names the package that the file at path belongs to, or the file it is a
// link to; "" if none says so.
func Owner(ctx context.Context, r *run.Runner, path string) string {
	paths := []string{path}
	if real, err := filepath.EvalSymlinks(path); err == nil && real != path {
		paths = append(paths, real)
	}
	for _, m := range packageManagers {
		if _, err := r.LookPath(m.program); err != nil {
			continue
		}
		for _, p := range paths {
			out, err := r.Output(ctx, "", m.program, append(m.args[:len(m.args):len(m.args)], p)...)
			if err != nil {
				continue
			}
			line, _, _ := strings.Cut(out, "\n")
			if name := strings.TrimSpace(m.name(line)); name != "" {
				return name
			}
		}
	}
	return ""
}
