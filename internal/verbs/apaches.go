package verbs

import (
	"cmp"
	"fmt"
	"io"

	"modwsgi/apxs"
)

// apacheRows are the lines of the table for Apaches that a module can be built
// for, below a head.
func apacheRows(list []apxs.Candidate) [][]string {
	rows := [][]string{{"  Apache", "MPM", "module API", "layout", "modules in", "to choose it"}}
	for _, a := range list {
		if a.Usable && a.Info != nil {
			rows = append(rows, []string{mark[a.Default] + a.Info.Version, a.Info.MPM,
				fmt.Sprintf("%d:%d", a.Info.MMN.Major, a.Info.MMN.Minor), a.Info.Family, a.Info.ModulesDir, a.Select})
		}
	}
	return rows
}

// apacheNotes are sentences on those that are usable.
func apacheNotes(list []apxs.Candidate, others []string) []string {
	var notes []string
	for _, a := range list {
		if a.Usable && a.Info != nil {
			for _, note := range a.Info.Notes {
				notes = append(notes, fmt.Sprintf("%s: %s", cmp.Or(a.Apxs, a.Select, "?"), note))
			}
		}
	}
	return append(notes, others...)
}

// apachesLost writes why the others are not usable, and what to do about it.
func apachesLost(w io.Writer, list []apxs.Candidate) {
	for _, a := range list {
		if a.Usable {
			continue
		}
		lost(w, fmt.Sprintf("%s: %s", cmp.Or(a.Apxs, a.Httpd, a.Select, "?"), a.Why), a.Advice)
	}
}
