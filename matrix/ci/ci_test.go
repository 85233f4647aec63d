package ci

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"modwsgi/internal/hint"
	"modwsgi/matrix/plan"
)

// planned is a plan with at least n cells: as many of the original's releases as that
// takes.
func planned(t *testing.T, n int) *plan.Plan {
	t.Helper()
	text := "[axes]\nmode = [\"daemon\"]\nmpm = [\"event\"]\nsource = [\"ours\""
	for i := range n - 1 {
		text += fmt.Sprintf(", \"pypi:6.%d\"", i)
	}
	c, err := plan.ReadConfig("matrix.toml", text+"]")
	if err != nil {
		t.Fatal(err)
	}
	m := plan.Machine{
		Pythons: []plan.Runtime{{Version: "3.12.4", Executable: "/usr/bin/python3", Shared: true}},
		Apaches: []plan.Server{{Version: "2.4.62", Apxs: "/usr/bin/apxs", MPMs: []string{"event"}}},
	}
	p, err := plan.New(c, m, plan.Request{Mode: plan.Full})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Cells) != n {
		t.Fatalf("%d cells, want %d", len(p.Cells), n)
	}
	return p
}

// settings are those of the commands.
func settings(jobs int) Settings {
	return Settings{Jobs: jobs, Plan: "build/matrix/plan.json"}
}

// inShards complains unless every cell of a plan is in one shard, and gives their
// number.
func inShards(t *testing.T, p *plan.Plan) int {
	t.Helper()
	seen := map[string]int{}
	for _, ids := range p.Shards {
		if len(ids) == 0 {
			t.Error("a job has nothing to do")
		}
		for _, id := range ids {
			seen[id]++
		}
	}
	for _, c := range p.Cells {
		if seen[c.ID] != 1 {
			t.Errorf("%s is in %d jobs", c.ID, seen[c.ID])
		}
	}
	return len(p.Shards)
}

// E-1, Y-8: GitHub's matrix has one job for each cell up to 256, and packs them
// beyond, never cut off; all values are texts.
func TestGithub(t *testing.T) {
	for _, c := range []struct{ cells, jobs, want int }{{1, 0, 1}, {255, 0, 255}, {256, 0, 256}, {257, 0, 256}, {1000, 0, 256}, {40, 8, 8}, {3, 8, 3}, {1000, 256, 256}} {
		p := planned(t, c.cells)
		text, err := Github(p, nil, settings(c.jobs))
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			Include []map[string]string
		}
		if err := json.Unmarshal([]byte(text), &got); err != nil || strings.Contains(text, "\n") {
			t.Errorf("%v: %.200s", err, text)
		}
		if n := inShards(t, p); n != c.want || len(got.Include) != c.want {
			t.Errorf("%d cells in %d jobs: %d shards, %d entries", c.cells, c.jobs, n, len(got.Include))
		}
		for i, e := range got.Include {
			if e["cells"] != strings.Join(p.Shards[i], " ") || e["shard"] != fmt.Sprintf("%d/%d", i+1, c.want) || e["runs-on"] != "ubuntu-24.04" || e["python"] != "3.12" || e["apache"] != "2.4.62" || e["mpm"] != "event" || e["name"] == "" || len(e) != 8 {
				t.Errorf("entry %d: %v", i, e)
			}
			if single := len(p.Shards[i]) == 1; single != (e["id"] == p.Shards[i][0]) {
				t.Errorf("entry %d of %d cells has the id %s", i, len(p.Shards[i]), e["id"])
			}
		}
	}
	if _, err := Github(planned(t, 3), nil, settings(257)); err == nil || hint.Code(err) != hint.Usage {
		t.Errorf("257 jobs: %v", err)
	}
}

// E-1: what would be longer than 1 MiB is refused, not cut off.
func TestOutputSize(t *testing.T) {
	long := planned(t, 2)
	for i := range 20_000 {
		c := long.Cells[0]
		c.ID = fmt.Sprintf("py3.12/event/daemon/%048d", i)
		long.Cells = append(long.Cells, c)
	}
	long.Cells = long.Cells[2:]
	if _, err := Github(long, nil, settings(0)); err == nil || !strings.Contains(err.Error(), "1048576") || hint.Code(err) != hint.Usage {
		t.Errorf("an output of any length: %v", err)
	}
}

// E-1: the output of a step ends with a line that is not in its value.
func TestGithubOutput(t *testing.T) {
	if got, want := GithubOutput("matrix", `{"a":1}`), "matrix<<modwsgi_end\n{\"a\":1}\nmodwsgi_end\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	value := "x\nmodwsgi_end\nmodwsgi_end_"
	lines := strings.Split(GithubOutput("m", value), "\n")
	end := strings.TrimPrefix(lines[0], "m<<")
	if i := slices.Index(lines[1:], end); strings.Join(lines[1:1+i], "\n") != value {
		t.Errorf("it is cut: %q", lines)
	}
}

// pipelineOf reads a child pipeline.
func pipelineOf(t *testing.T, text string) map[string]map[string]any {
	t.Helper()
	var doc map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	delete(doc, "stages")
	jobs := map[string]map[string]any{}
	for name, raw := range doc {
		var job map[string]any
		if err := json.Unmarshal(raw, &job); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		jobs[name] = job
	}
	return jobs
}

// needsOf are the jobs that one waits for.
func needsOf(job map[string]any) (names []string) {
	for _, n := range job["needs"].([]any) {
		names = append(names, n.(map[string]any)["job"].(string))
	}
	return names
}

// E-2, Y-8: GitLab's child pipeline has at most 200 jobs in a matrix and several
// matrices beyond; merge waits for all and is always run.
func TestGitlab(t *testing.T) {
	for _, c := range []struct {
		cells, jobs int
		want        []int
	}{{1, 0, []int{1}}, {200, 0, []int{200}}, {201, 0, []int{200, 1}}, {450, 0, []int{200, 200, 50}}, {450, 8, []int{8}}} {
		p := planned(t, c.cells)
		text, err := Gitlab(p, nil, settings(c.jobs))
		if err != nil {
			t.Fatal(err)
		}
		inShards(t, p)
		jobs, names, shard := pipelineOf(t, text), []string{"cells"}, 0
		if len(c.want) > 1 {
			names = nil
			for i := range c.want {
				names = append(names, fmt.Sprintf("cells-%d", i+1))
			}
		}
		for i, name := range names {
			list := jobs[name]["parallel"].(map[string]any)["matrix"].([]any)
			if len(list) != c.want[i] {
				t.Errorf("%s has %d jobs, want %d", name, len(list), c.want[i])
			}
			for _, x := range list {
				shard++
				if got := x.(map[string]any)["MODWSGI_SHARD"]; got != fmt.Sprintf("%d/%d", shard, len(p.Shards)) {
					t.Errorf("%s: shard %v, want %d", name, got, shard)
				}
			}
		}
		merge := jobs["merge"]
		if got := needsOf(merge); !slices.Equal(got, append([]string{"matrix-plan"}, names...)) || merge["when"] != "always" {
			t.Errorf("merge needs %q, %v", got, merge["when"])
		}
		artifacts := jobs[".cells"]["artifacts"].(map[string]any)
		if artifacts["when"] != "always" || artifacts["reports"].(map[string]any)["junit"] == nil {
			t.Errorf("artifacts: %v", artifacts)
		}
	}
}

// E-2: where GitLab counts the jobs itself, they have no matrix.
func TestGitlabNodes(t *testing.T) {
	for _, c := range []struct {
		cells, jobs int
		want        any
	}{{1, 0, nil}, {450, 0, 200.0}, {450, 8, 8.0}, {3, 8, 3.0}} {
		p := planned(t, c.cells)
		text, err := GitlabNodes(p, nil, settings(c.jobs))
		if err != nil {
			t.Fatal(err)
		}
		inShards(t, p)
		if got := pipelineOf(t, text)["cells"]["parallel"]; got != c.want {
			t.Errorf("%d cells in %d jobs: parallel %v, want %v", c.cells, c.jobs, got, c.want)
		}
	}
	if _, err := GitlabNodes(planned(t, 3), nil, settings(201)); err == nil {
		t.Error("201 nodes are allowed")
	}
}

// E-4: no value can become part of a command or of the file: what is not plain is
// refused, and the name of a file is quoted.
func TestInjection(t *testing.T) {
	for _, bad := range []string{"$(touch x)", "a b", "a;b", "${{ x }}", "a\nb", "a\"b", "a'b", "\u00e4", "a`b`"} {
		for name, f := range map[string]func(*plan.Plan, plan.Timings, Settings) (string, error){"github": Github, "gitlab": Gitlab, "nodes": GitlabNodes} {
			p := planned(t, 2)
			p.Cells[1].ID = bad
			if text, err := f(p, nil, settings(0)); err == nil || hint.Code(err) != hint.Refused {
				t.Errorf("%s with the cell %q: %v\n%s", name, bad, err, text)
			}
			p = planned(t, 2)
			p.Cells[1].Cell.Python = "py" + bad
			if text, err := f(p, nil, settings(0)); err == nil {
				t.Errorf("%s with the Python %q:\n%s", name, bad, text)
			}
		}
	}
	s := settings(0)
	s.Plan = "my plans/$(x).json"
	text, err := Gitlab(planned(t, 1), nil, s)
	if err != nil || !strings.Contains(text, `-plan='my plans/$(x).json'`) {
		t.Errorf("%v\n%s", err, text)
	}
}
