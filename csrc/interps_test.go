package csrc

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"modwsgi/internal/run"
	"modwsgi/pybuild"
)

// interpsTest is a program of the gateway's objects.
const interpsTest = "test/test_interps.c"

const (
	leftMost = 4 << 20 // KiB that a process may grow to by what Python leaves
	slackKiB = 4 << 10 // of growth that is none, with a tenth for what the gateway's modules add to what Python leaves
)

// traces is what a process has at a moment.
type traces struct{ round, rss, keys, fds, threads int }

var tracesLine = regexp.MustCompile(`(?m)^(\d+): rss (\d+) KiB, keys (\d+), fds (\d+), threads (\d+)$`)

// endInterpreters makes and ends interpreters by the gateway, 10,000 with
// MODWSGI_MATRIX_LONG, and by Python alone: the gateway must leave no more of each
// than Python does.
func endInterpreters(t *testing.T, r *run.Runner, a Artifact, h Half, py pybuild.Info) {
	program := linkInterps(t, r, a, h, py)
	rounds := 50
	if os.Getenv("MODWSGI_MATRIX_LONG") != "" {
		rounds = 10_000
	}
	modes := []string{"shared"}
	if py.ABI.Major*100+py.ABI.Minor >= 312 {
		modes = append(modes, "own")
	}
	if py.ABI.Free {
		modes = append(modes, "free")
	}
	for _, mode := range modes {
		t.Run(mode, func(t *testing.T) {
			bare := runInterps(t, r, program, "bare", mode, min(rounds, 500))
			each := perRound(bare)
			rounds := min(rounds, int(leftMost/max(each, 1))) // what some releases of Python leave would fill the memory
			ours := runInterps(t, r, program, "ours", mode, rounds)
			first, last := ours[0], ours[1]
			t.Logf("note: interpreters: Python %s, %s: %d to %d made and ended: rss %d KiB, then %d KiB; %.1f KiB each, by Python alone %.1f KiB; keys of threads %d, then %d",
				py.Version, mode, first.round, last.round, first.rss, last.rss, perRound(ours), each, first.keys, last.keys)
			if most := int(each*1.1*float64(last.round-first.round)) + slackKiB; last.rss-first.rss > most {
				t.Errorf("grew by %d KiB, want at most %d", last.rss-first.rss, most)
			}
			if last.keys < first.keys || last.fds > first.fds || last.threads > first.threads {
				t.Errorf("was %+v, then %+v", first, last)
			}
		})
	}
}

func perRound(at []traces) float64 {
	return max(0, float64(at[1].rss-at[0].rss)) / float64(at[1].round-at[0].round)
}

// linkInterps makes the program of the objects that the plugin was linked from.
func linkInterps(t *testing.T, r *run.Runner, a Artifact, h Half, py pybuild.Info) string {
	program := filepath.Join(t.TempDir(), "test_interps")
	cc, _, err := FindCompiler(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	args := slices.Concat(cc[1:], []string{"-std=gnu99", "-D_GNU_SOURCE", "-O1", "-g", "-Wall", "-Wextra", "-Wshadow", "-Werror", "-pthread",
		"-Itest", "-Isrc"}, py.Defines, includes(py.Include), []string{"-o", program, interpsTest})
	targets := Targets()
	for _, s := range targets[slices.IndexFunc(targets, func(t Target) bool { return t.Kind == Plugin })].Sources {
		if s.File != "wsgi_embed.c" {
			args = append(args, builtObject(t, a.Dir, h.ABI, s))
		}
	}
	args = append(args, py.LibPython, "-Xlinker", "-rpath", "-Xlinker", filepath.Dir(py.LibPython), "-lm", "-ldl")
	if _, err := r.Output(t.Context(), "", cc[0], args...); err != nil {
		t.Fatal(err)
	}
	return program
}

// builtObject is where the build of the folder has put that of a source.
func builtObject(t *testing.T, dir, abi string, s Source) string {
	t.Helper()
	tier := map[Needs]string{NeedsNone: "plain", NeedsPython: abi}[s.Needs]
	found, err := filepath.Glob(filepath.Join(dir, "obj", tier+"-*", strings.TrimSuffix(s.File, ".c")+".o"))
	if err != nil || len(found) != 1 {
		t.Fatalf("objects of %s: %q, %v", s.File, found, err)
	}
	return found[0]
}

// runInterps returns what the process had after a tenth of the rounds and at the
// end.
func runInterps(t *testing.T, r *run.Runner, program, whose, mode string, rounds int) []traces {
	t.Helper()
	res, err := r.Run(t.Context(), run.Cmd{Dir: t.TempDir(), Path: program, Args: []string{whose, mode, strconv.Itoa(rounds)}, Timeout: time.Hour})
	if err != nil {
		t.Fatalf("%s %s: %s%v", whose, mode, res.Stdout, err)
	}
	var at []traces
	for _, m := range tracesLine.FindAllStringSubmatch(string(res.Stdout), -1) {
		var x traces
		_, err := fmt.Sscan(strings.Join(m[1:], " "), &x.round, &x.rss, &x.keys, &x.fds, &x.threads)
		if err != nil {
			t.Fatal(err)
		}
		at = append(at, x)
	}
	if len(at) != 2 || at[1].round != rounds {
		t.Fatalf("%s %s says:\n%s", whose, mode, res.Stdout)
	}
	return at
}
