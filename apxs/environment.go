package apxs

import (
	"context"
	"strings"

	"modwsgi/internal/run"
)

// Environment has the variables that the envvars file of this Apache sets, by
// name: what ${NAME} in its configuration stands for. Empty where there is no
// such file. The file is a shell script of the system; it is run in a shell with
// nothing else in its environment.
func Environment(ctx context.Context, r *run.Runner, info Info) map[string]string {
	return environment(ctx, r, info.Httpd, info.ConfDir)
}

func environment(ctx context.Context, r *run.Runner, httpd, confDir string) map[string]string {
	env := map[string]string{}
	file := envvars(httpd, confDir)
	if file == "" {
		return env
	}
	b := bare(r)
	res, err := b.Run(ctx, run.Cmd{Path: "/bin/sh", Args: []string{"-c", `. "$1" >/dev/null 2>&1; exec env -0`, "sh", file}, Timeout: binaryTimeout})
	if err != nil {
		return env
	}
	for pair := range strings.SplitSeq(res.Stdout, "\x00") {
		name, value, ok := strings.Cut(pair, "=")
		if own := ofShell[name] || name == "PATH" && value == b.Getenv(name); ok && !own {
			env[name] = value
		}
	}
	return env
}

// ofShell are the variables that are there whatever the file says.
var ofShell = map[string]bool{"PWD": true, "OLDPWD": true, "SHLVL": true, "_": true, "LC_ALL": true}

// bare is r with nothing but PATH in its environment, as a system starts its
// services: what a person has set says nothing of the server.
func bare(r *run.Runner) *run.Runner {
	return &run.Runner{Log: r.Log, Env: []string{"PATH=" + r.Getenv("PATH")}}
}
