package verbs

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"modwsgi/matrix/plan"
	"modwsgi/matrix/results"
	"modwsgi/matrix/runner"
)

// M-7: another system is told what is left of the budget, and the timings that it goes
// by.
func TestBudgeted(t *testing.T) {
	now := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		until time.Time
		want  string
	}{
		{time.Time{}, ""},
		{now.Add(90*time.Second + time.Millisecond), "--budget 1m30s --timings @/timings.json"},
		{now.Add(-time.Hour), "--budget 1s --timings @/timings.json"},
	} {
		dir := t.TempDir()
		earlier := filepath.Join(dir, "results", results.TimingsFile)
		if err := errors.Join(os.Mkdir(filepath.Dir(earlier), 0o755), os.WriteFile(earlier, []byte(`{"py3.11/event/daemon": 99, "python/py3.11": 3}`), 0o644)); err != nil {
			t.Fatal(err)
		}
		args, err := budgeted(&runner.Runner{Until: tt.until, Timings: plan.Timings{"py3.11/event/daemon": 7}}, dir, now)
		if got := strings.ReplaceAll(strings.Join(args, " "), dir, "@"); err != nil || got != tt.want {
			t.Errorf("%q, %v; want %q", got, err, tt.want)
		}
		if tt.want == "" {
			continue
		}
		if known, err := plan.ReadTimings(read(t, filepath.Join(dir, "timings.json"))); err != nil || known["py3.11/event/daemon"] != 7 || known["python/py3.11"] != 3 {
			t.Errorf("%v, %v", known, err)
		}
	}
}

// Results of another system are recorded as they come, the last of them too; a line
// that is half there is none. Who cannot record them ends it.
func TestFollow(t *testing.T) {
	path := filepath.Join(t.TempDir(), results.File)
	line, err := json.Marshal(results.Result{Schema: results.Schema, Plan: "p", ID: "py3.11/event/daemon", Status: results.Pass, Attempts: 1})
	if err != nil {
		t.Fatal(err)
	}
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	failed, full := errors.New("exit status 1"), errors.New("the disk is full")
	ended := make(chan error, 1)
	ended <- failed
	if done, err := follow(path, ended, nil); done != 0 || !errors.Is(err, failed) {
		t.Errorf("without a file: %d, %v", done, err)
	}
	write(string(line) + "\n")
	ended = make(chan error, 1)
	count := 0
	done, err := follow(path, ended, func(r results.Result) error {
		if count++; count == 1 {
			write(strings.Repeat(string(line)+"\n", 3) + `{"schema":`)
			ended <- failed
		}
		return nil
	})
	if done != 3 || count != 3 || !errors.Is(err, failed) {
		t.Errorf("%d results, %d recorded, %v", done, count, err)
	}
	if done, err := follow(path, make(chan error), func(results.Result) error { return full }); done != 0 || !errors.Is(err, full) {
		t.Errorf("%d, %v", done, err)
	}
}

// M-9: another system has the time that its cells have, with all their attempts.
func TestGuestTime(t *testing.T) {
	cells := []plan.Planned{{Timeout: 2 * time.Hour}, {Timeout: time.Minute, Retries: 2}}
	if got, want := guestTime(cells), 2*time.Hour+3*time.Minute+2*buildTime; got != want {
		t.Errorf("%v, want %v", got, want)
	}
}
