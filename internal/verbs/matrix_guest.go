package verbs

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"strings"
	"time"

	"modwsgi/internal/fsx"
	"modwsgi/internal/run"
	"modwsgi/matrix/plan"
	"modwsgi/matrix/provider"
	"modwsgi/matrix/results"
	"modwsgi/matrix/runner"
)

// providers are those of this machine.
func (j *Job) providers(store *provider.Store, httpds map[string]string) []provider.Provider {
	return provider.All(provider.Maker{R: j.R, Store: store, Agent: j.Agent()}, httpds)
}

// guest is another system, in which this program runs the cells of the plan that are
// its own.
func (j *Job) guest(ctx context.Context, x *runner.Runner, id string) (runner.Guest, error) {
	store, err := provider.OpenStore(j.R)
	if err != nil {
		return nil, err
	}
	machine, err := provider.Find(ctx, j.providers(store, x.Plan.Archives), strings.Replace(id, ":", "-", 1))
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, cells []plan.Planned, record func(results.Result) error) error {
		dir := filepath.Join(x.Dir, "guests", machine.ID())
		file, list := filepath.Join(dir, "plan.json"), filepath.Join(dir, "results", results.File)
		data, err := x.Plan.Write()
		if err != nil {
			return err
		}
		if err := fsx.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		if err := fsx.WriteFile(file, data, 0o644); err != nil {
			return err
		}
		if err := fsx.Remove(list); err != nil { // what an earlier run left is no result of this one
			return err
		}
		args := []string{"matrix", "run", "--plan", file, "--here", machine.ID(), "--results", filepath.Join(dir, "results"), "--parallel", fmt.Sprint(max(1, j.Count("parallel")))}
		more, err := budgeted(x, dir, time.Now())
		if err != nil {
			return err
		}
		args = append(args, more...)
		for _, c := range cells {
			args = append(args, c.ID)
		}
		var said bytes.Buffer
		ended := make(chan error, 1)
		go func() {
			_, err := machine.Run(ctx, provider.Command{
				Program: x.Program, Args: args, Dir: dir, Write: []string{dir}, Env: []string{"MODWSGI_CACHE=" + filepath.Join(dir, "cache")},
				Stdout: io.Discard, Stderr: &said, Timeout: guestTime(cells), Interrupt: x.Stop,
			})
			if e := (*run.Error)(nil); errors.As(err, &e) && e.Code == interrupted {
				err = nil // it did as it was told
			}
			ended <- err
		}()
		done, err := follow(list, ended, record)
		if done < len(cells) && (err != nil || !x.Stopped()) { // else its status says what its results say
			return errors.Join(err, errors.New(strings.TrimSpace(said.String())))
		}
		return nil
	}, nil
}

// budgeted are the options by which another system keeps to what is left of the budget,
// with the timings that it goes by, in a file in dir: of cells the host's, of builds
// those of its own earlier run there, which nobody else has made.
func budgeted(x *runner.Runner, dir string, now time.Time) ([]string, error) {
	if x.Until.IsZero() {
		return nil, nil
	}
	known, err := results.ReadTimings(filepath.Join(dir, "results", results.TimingsFile))
	if err != nil {
		return nil, err
	}
	maps.Copy(known, x.Timings)
	data, err := json.Marshal(known)
	if err != nil {
		return nil, fmt.Errorf("writing the timings: %w", err)
	}
	file := filepath.Join(dir, "timings.json")
	left := max(x.Until.Sub(now), time.Second).Truncate(time.Second)
	return []string{"--budget", left.String(), "--timings", file}, fsx.WriteFile(file, data, 0o644)
}

// buildTime is for what a cell needs, which another system compiles itself.
const buildTime = 15 * time.Minute

// guestTime is how long another system may take for cells. Each has a limit of its
// own there: this is for a system that does not end.
func guestTime(cells []plan.Planned) time.Duration {
	var sum time.Duration
	for _, c := range cells {
		sum += buildTime + c.Timeout*time.Duration(1+c.Retries)
	}
	return sum
}

// follow gives each result that comes to a file of them to record, until what
// writes it has ended, and says how many there were and how it ended.
func follow(path string, ended <-chan error, record func(results.Result) error) (done int, err error) {
	over := false
	for {
		list, err := results.ReadFile(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return done, err
		}
		for ; done < len(list); done++ {
			if err := record(list[done]); err != nil {
				return done, err
			}
		}
		if over {
			return done, <-ended
		}
		select {
		case err := <-ended:
			again := make(chan error, 1)
			again <- err
			ended, over = again, true // what came last is still to be read
		case <-time.After(time.Second):
		}
	}
}
