package ci

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// The workflows of the repository are the samples that are shipped.
const (
	githubFile = "../../.github/workflows/ci.yml"
	gitlabFile = "../../.ci/gitlab-ci.yml"
)

// E-1, E-2: the engines' own schemas accept the samples and what is printed.
func TestSchemas(t *testing.T) {
	checker := os.Getenv("MODWSGI_CHECK_JSONSCHEMA")
	if checker == "" {
		t.Skip("MODWSGI_CHECK_JSONSCHEMA names no check-jsonschema, which has the schemas of the engines")
	}
	dir := t.TempDir()
	write := func(name, text string, err error) string {
		t.Helper()
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
		return filepath.Join(dir, name)
	}
	small, err := Gitlab(planned(t, 2), nil, settings(0))
	one := write("one.yml", small, err)
	large, err := Gitlab(planned(t, 450), nil, settings(0))
	several := write("several.yml", large, err)
	counted, err := GitlabNodes(planned(t, 450), nil, settings(0))
	nodes := write("nodes.yml", counted, err)
	for _, c := range []struct {
		schema string
		files  []string
		wrong  string // what the schema refuses, so that it is known to be asked
	}{
		{"vendor.github-workflows", []string{githubFile}, "on: push\njobs: {x: {steps: 1}}\n"},
		{"vendor.gitlab-ci", []string{gitlabFile, one, several, nodes}, "x: {script: 1, when: perhaps}\n"},
	} {
		args := []string{"--builtin-schema", c.schema}
		if strings.Contains(c.schema, "gitlab") {
			args = append(args, "--data-transform", "gitlab-ci")
		}
		for _, file := range c.files {
			if out, err := exec.CommandContext(t.Context(), checker, append(args, file)...).CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s", file, err, out)
			}
		}
		if out, err := exec.CommandContext(t.Context(), checker, append(args, write("wrong.yml", c.wrong, nil))...).CombinedOutput(); err == nil {
			t.Errorf("%s accepts anything: %s", c.schema, out)
		}
	}
}

// workflow is what of a workflow of GitHub Actions is looked at.
type workflow struct {
	Name        string
	On          map[string]any
	Permissions map[string]string
	Concurrency any
	Jobs        map[string]struct {
		Name     string
		Needs    names
		If       string
		RunsOn   string `yaml:"runs-on"`
		Timeout  int    `yaml:"timeout-minutes"`
		Outputs  map[string]string
		Strategy struct {
			FailFast *bool `yaml:"fail-fast"`
			Matrix   any
		}
		Steps []struct {
			ID, Name, If, Uses, Run string
			Env                     map[string]string
			With                    map[string]any
		}
	}
}

// names is a name or a list of them.
type names []string

func (n *names) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		*n = names{node.Value}
		return nil
	}
	return node.Decode((*[]string)(n))
}

// E-1, E-4: the workflow holds together: it plans, runs a matrix of what was planned
// without stopping at the first failure, and merges whatever became of it. Values
// reach commands by variables alone.
func TestGithubSample(t *testing.T) {
	data, err := os.ReadFile(githubFile)
	if err != nil {
		t.Fatal(err)
	}
	var w workflow
	d := yaml.NewDecoder(strings.NewReader(string(data)))
	d.KnownFields(true)
	if err := d.Decode(&w); err != nil {
		t.Fatal(err)
	}
	output := regexp.MustCompile(`needs\.(\w+)\.outputs\.(\w+)`)
	step := regexp.MustCompile(`steps\.(\w+)\.outputs\.`)
	for name, job := range w.Jobs {
		if job.RunsOn == "" || job.Timeout == 0 || len(job.Steps) == 0 {
			t.Errorf("%s lacks runs-on, a timeout or steps", name)
		}
		text, _ := yaml.Marshal(job)
		for _, m := range output.FindAllStringSubmatch(string(text), -1) {
			if !slices.Contains(job.Needs, m[1]) || w.Jobs[m[1]].Outputs[m[2]] == "" {
				t.Errorf("%s asks for %s, which is not there", name, m[0])
			}
		}
		for _, need := range job.Needs {
			if _, ok := w.Jobs[need]; !ok {
				t.Errorf("%s needs %s, which is no job", name, need)
			}
		}
		ids := map[string]bool{}
		for _, s := range job.Steps {
			ids[s.ID] = true
			if (s.Run == "") == (s.Uses == "") || s.Uses != "" && !strings.Contains(s.Uses, "@") {
				t.Errorf("%s has a step that neither runs nor uses, or both: %+v", name, s)
			}
			if strings.Contains(s.Run, "${{") {
				t.Errorf("%s puts a value into a command: %s", name, s.Run)
			}
		}
		for _, value := range job.Outputs {
			for _, m := range step.FindAllStringSubmatch(value, -1) {
				if !ids[m[1]] {
					t.Errorf("%s has an output of the step %s, which is not there", name, m[1])
				}
			}
		}
	}
	cells, merge := w.Jobs["cells"], w.Jobs["merge"]
	if cells.Strategy.FailFast == nil || *cells.Strategy.FailFast || cells.Strategy.Matrix != "${{ fromJSON(needs.plan.outputs.matrix) }}" {
		t.Errorf("cells: %+v", cells.Strategy)
	}
	if merge.If != "always()" || !slices.Contains(merge.Needs, "cells") || !slices.Contains(merge.Needs, "plan") {
		t.Errorf("merge: if %s, needs %q", merge.If, merge.Needs)
	}
	if len(w.Permissions) == 0 || len(w.On) == 0 {
		t.Error("the workflow says neither when it runs nor what it may")
	}
}

// E-2: the sample for GitLab plans, and triggers what was planned.
func TestGitlabSample(t *testing.T) {
	data, err := os.ReadFile(gitlabFile)
	if err != nil {
		t.Fatal(err)
	}
	var w struct {
		Stages    []string
		Variables map[string]string
		Plan      struct {
			Stage, Image string
			Script       []string
			Artifacts    struct{ Paths []string }
		} `yaml:"matrix-plan"`
		Matrix struct {
			Stage   string
			Needs   names
			Trigger struct {
				Include  []struct{ Artifact, Job string }
				Strategy string
			}
			Variables map[string]string
		}
	}
	d := yaml.NewDecoder(strings.NewReader(string(data)))
	d.KnownFields(true)
	if err := d.Decode(&w); err != nil {
		t.Fatal(err)
	}
	trigger := w.Matrix.Trigger
	if len(trigger.Include) != 1 || trigger.Include[0].Job != "matrix-plan" || !slices.Contains(w.Plan.Artifacts.Paths, trigger.Include[0].Artifact) || trigger.Strategy != "depend" {
		t.Errorf("what is triggered is not what was planned: %+v, %q", trigger, w.Plan.Artifacts.Paths)
	}
	if w.Matrix.Variables["PARENT_PIPELINE_ID"] != "$CI_PIPELINE_ID" || !slices.Equal(w.Matrix.Needs, names{"matrix-plan"}) {
		t.Errorf("the child cannot find the plan: %+v", w.Matrix)
	}
	if !slices.Contains(w.Plan.Artifacts.Paths, settings(0).Plan) || !strings.Contains(strings.Join(w.Plan.Script, "\n"), "matrix:gitlab") {
		t.Errorf("the plan is not kept: %+v", w.Plan)
	}
	text, err := Gitlab(planned(t, 2), nil, settings(0))
	if err != nil || !strings.Contains(text, `"job": "matrix-plan"`) || !strings.Contains(text, "$PARENT_PIPELINE_ID") {
		t.Errorf("the child asks for another plan: %v\n%s", err, text)
	}
}
