package ci

import (
	"cmp"
	"fmt"
	"strings"

	"modwsgi/matrix/plan"
)

// githubJobs is how many jobs a matrix of GitHub Actions may have.
const githubJobs = 256

// githubMachine is the machine that is taken when none is named.
const githubMachine = "ubuntu-24.04"

// entry is a job of a matrix of GitHub Actions: texts alone, since there a number
// such as 3.10 would become 3.1.
type entry struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	RunsOn string `json:"runs-on"`
	Python string `json:"python"`
	Apache string `json:"apache"`
	MPM    string `json:"mpm"`
	Cells  string `json:"cells"` // separated by blanks
	Shard  string `json:"shard"` // "3/8"
}

// Github spreads a plan over jobs of GitHub Actions and gives the matrix of them
// (rule E-1): {"include": [...]}, on one line. The plan has the shards afterwards.
func Github(p *plan.Plan, t plan.Timings, s Settings) (string, error) {
	if err := spread(p, t, s.Jobs, githubJobs); err != nil {
		return "", err
	}
	jobs, err := jobsOf(p)
	if err != nil {
		return "", err
	}
	matrix := struct {
		Include []entry `json:"include"`
	}{}
	for _, j := range jobs {
		matrix.Include = append(matrix.Include, entry{
			j.id, j.name, cmp.Or(s.RunsOn, githubMachine), strings.Join(j.python, " "), strings.Join(j.apache, " "), strings.Join(j.mpm, " "), strings.Join(j.cells, " "), j.shard,
		})
	}
	text, err := document(matrix, "")
	return strings.TrimSpace(text), err
}

// GithubOutput is an output of a step called name, as it is added to the file that
// $GITHUB_OUTPUT names: between two lines that are not in it.
func GithubOutput(name, value string) string {
	end := "modwsgi_end"
	for strings.Contains(value, end) {
		end += "_"
	}
	return fmt.Sprintf("%s<<%s\n%s\n%s\n", name, end, value, end)
}
