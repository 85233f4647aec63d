package verbs

import (
	"context"

	"modwsgi/apxs"
	"modwsgi/installer"
	"modwsgi/pybuild"
)

// InstallModule installs a built module into a modules folder and prints the
// lines that load it from there.
func InstallModule(ctx context.Context, j *Job, from installer.Layout, to string, apache apxs.Info, python pybuild.Info) error {
	o := installer.Options{Runner: j.R, Apache: &apache, State: j.Text("state")}
	var steps []string
	if j.Dry() {
		o.Plan = func(list []string) { steps = list }
	}
	r, err := installer.Install(ctx, from, to, o)
	if err != nil {
		return err
	}
	if j.Dry() {
		return j.Plan(steps)
	}
	return Config(j, r.Layout, python)
}
