package apxs

import (
	"context"
	"os"
	"strings"

	"modwsgi/internal/run"
)

// Environment has the variables that the envvars file of this Apache sets, by
// name: what ${NAME} in its configuration stands for. Empty where there is no
// such file. The file is a shell script of the system; it is run in a shell with
// nothing else in its environment.
func Environment(ctx context.Context, r *run.Runner, info Info) map[string]string {
	env := map[string]string{}
	file := envvars(info.Httpd, info.ConfDir)
	if file == "" {
		return env
	}
	res, err := r.Run(ctx, run.Cmd{Path: "/bin/sh", Args: []string{"-c", `. "$1" >/dev/null 2>&1; exec env -0`, "sh", file}, Timeout: binaryTimeout})
	if err != nil {
		return env
	}
	for pair := range strings.SplitSeq(res.Stdout, "\x00") {
		name, value, ok := strings.Cut(pair, "=")
		if ok && os.Getenv(name) != value { // what the file made, not what was there
			env[name] = value
		}
	}
	return env
}
