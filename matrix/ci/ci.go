// Package ci tells CI engines what a plan of the matrix is: the jobs of GitHub
// Actions and GitLab, within their limits.
//
// Nothing else of the matrix knows an engine (rule E-3). What stands in the files of
// one is made of ids and of values that were checked, so that no version or path can
// become part of a command (rule E-4).
package ci

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"modwsgi/internal/hint"
	"modwsgi/matrix/plan"
)

// maxOutput is what GitHub takes as the outputs of a job, and ample for GitLab.
const maxOutput = 1 << 20

// Settings are what an engine is told beside the plan.
type Settings struct {
	plan.CI
	Jobs int       // how many there shall be; 0: one for each cell, as far as the engine allows
	Plan string    // where the jobs find plan.json, from the root of the checkout
	Tool plan.Tool // what the jobs run the matrix by
}

// spread puts the plan's cells into shards, one for each job: a cell each if nobody
// asks for fewer and the engine allows so many, never one cell left out (rule E-1).
func spread(p *plan.Plan, t plan.Timings, jobs, most int) error {
	if jobs > most {
		return hint.Exit(fmt.Errorf("%d jobs are more than the %d that the engine allows", jobs, most), hint.Usage)
	}
	p.Shards = nil
	if jobs == 0 && len(p.Cells) <= most {
		for _, c := range p.Cells {
			p.Shards = append(p.Shards, []string{c.ID})
		}
		return nil
	}
	if jobs == 0 {
		jobs = most
	}
	p.Shards = slices.DeleteFunc(p.Shard(t, jobs), func(ids []string) bool { return len(ids) == 0 })
	return nil
}

// job is one shard as people and engines are told of it.
type job struct {
	shard, id, name     string
	python, apache, mpm []string
	cells               []string
}

// jobsOf describes the shards of a plan.
func jobsOf(p *plan.Plan) ([]job, error) {
	byID := map[string]plan.Planned{}
	for _, c := range p.Cells {
		byID[c.ID] = c
	}
	var list []job
	for i, ids := range p.Shards {
		j := job{shard: fmt.Sprintf("%d/%d", i+1, len(p.Shards)), cells: ids}
		j.id, j.name = fmt.Sprintf("shard-%d", i+1), fmt.Sprintf("shard %d of %d", i+1, len(p.Shards))
		if len(ids) == 1 {
			j.id, j.name = ids[0], ids[0]
		}
		for _, id := range ids {
			c := byID[id].Cell
			j.python = add(j.python, strings.TrimPrefix(c.Python, "py"))
			j.apache = add(j.apache, strings.TrimPrefix(c.Apache, "ap"))
			j.mpm = add(j.mpm, c.MPM)
		}
		for _, v := range slices.Concat([]string{j.shard, j.id}, j.python, j.apache, j.mpm, j.cells) {
			if !plan.Plain(v) {
				return nil, hint.Exit(fmt.Errorf("%q cannot be put into a file of a CI engine: letters, digits and ._:+/=- alone can", v), hint.Refused)
			}
		}
		list = append(list, j)
	}
	return list, nil
}

// add adds a value that is not there yet.
func add(list []string, v string) []string {
	if v == "" || slices.Contains(list, v) {
		return list
	}
	return append(list, v)
}

// document writes JSON in which < and & are themselves, since people read it too. One
// that is longer than engines take is an error.
func document(v any, indent string) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	if err := e.Encode(v); err != nil {
		return "", fmt.Errorf("writing JSON: %w", err)
	}
	if b.Len() > maxOutput {
		return "", hint.Exit(hint.New(fmt.Errorf("%d bytes are more than the %d that an engine takes", b.Len(), maxOutput), "choose fewer cells: pairwise"), hint.Usage)
	}
	return b.String(), nil
}
