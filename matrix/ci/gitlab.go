package ci

import (
	"cmp"
	"fmt"

	"modwsgi/matrix/plan"
)

// Limits of GitLab: how many jobs one with a matrix may become, and how many others a
// job may wait for.
const (
	gitlabJobs  = 200
	gitlabNeeds = 50
)

// gitlabImage is the image that is taken when none is named.
const gitlabImage = "golang:1.26-bookworm"

// Gitlab spreads a plan over the jobs of a child pipeline of GitLab and gives its
// file (rule E-2): JSON, which YAML is a superset of. The plan has the shards
// afterwards.
func Gitlab(p *plan.Plan, t plan.Timings, s Settings) (string, error) {
	if err := spread(p, t, s.Jobs, gitlabJobs*(gitlabNeeds-1)); err != nil {
		return "", err
	}
	jobs, err := jobsOf(p)
	if err != nil {
		return "", err
	}
	doc := object{}
	var names []string
	for first := 0; first < len(jobs); first += gitlabJobs {
		var matrix []object
		for _, j := range jobs[first:min(first+gitlabJobs, len(jobs))] {
			matrix = append(matrix, object{"CELLS": j.id, "MODWSGI_SHARD": j.shard})
		}
		name := "cells"
		if len(jobs) > gitlabJobs {
			name = fmt.Sprintf("cells-%d", first/gitlabJobs+1)
		}
		names = append(names, name)
		doc[name] = object{"extends": ".cells", "parallel": object{"matrix": matrix}}
	}
	return s.pipeline(doc, names)
}

// GitlabNodes is the child pipeline in which GitLab itself counts the jobs: each
// knows its shard by CI_NODE_INDEX and CI_NODE_TOTAL.
func GitlabNodes(p *plan.Plan, t plan.Timings, s Settings) (string, error) {
	jobs := s.Jobs
	if jobs == 0 {
		jobs = min(gitlabJobs, len(p.Cells))
	}
	if err := spread(p, t, jobs, gitlabJobs); err != nil {
		return "", err
	}
	if _, err := jobsOf(p); err != nil { // what is wrong with an id
		return "", err
	}
	cells := object{"extends": ".cells"}
	if len(p.Shards) > 1 { // parallel: 1 is refused
		cells["parallel"] = len(p.Shards)
	}
	return s.pipeline(object{"cells": cells}, []string{"cells"})
}

// object is a JSON object, whose members are written in the order of their names.
type object map[string]any

// pipeline adds to the jobs that run cells their template, and the one that merges.
func (s Settings) pipeline(doc object, names []string) (string, error) {
	results := "build/matrix"
	planned := object{"pipeline": "$PARENT_PIPELINE_ID", "job": "matrix-plan", "artifacts": true}
	needs := []object{planned}
	for _, name := range names {
		needs = append(needs, object{"job": name, "artifacts": true})
	}
	common := object{"image": cmp.Or(s.Image, gitlabImage)}
	if len(s.Tags) > 0 {
		common["tags"] = s.Tags
	}
	if len(s.Setup) > 0 {
		common["before_script"] = s.Setup
	}
	planFile := s.Tool.Option("plan", s.Plan)
	doc["stages"] = []string{"cells", "merge"}
	doc["default"] = common
	doc[".cells"] = object{
		"stage": "cells", "needs": []object{planned},
		"script": []string{
			s.Tool.Command("run", planFile),
		},
		"after_script": []string{
			// Each job's own folder, so that none replaces another's: CI_JOB_ID is a number.
			fmt.Sprintf("mkdir -p shards && if test -d %s; then mv %s \"shards/$CI_JOB_ID\"; fi", results, results),
		},
		"artifacts": object{"when": "always", "paths": []string{"shards/"}, "reports": object{"junit": "shards/*/junit.xml"}},
	}
	doc["merge"] = object{
		"stage": "merge", "needs": needs, "when": "always",
		"script":    []string{s.Tool.Command("merge", planFile, "shards")},
		"artifacts": object{"when": "always", "paths": []string{results + "/"}, "reports": object{"junit": results + "/junit.xml"}},
	}
	return document(doc, "  ")
}
