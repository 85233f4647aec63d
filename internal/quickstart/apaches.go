package quickstart

import (
	"fmt"
	"io"
	"strings"

	"modwsgi/apxs"
)

// apacheRows writes a line of the table for each Apache that a module can be
// built for.
func apacheRows(w io.Writer, list []apxs.Candidate) {
	fmt.Fprintln(w, "Apache\tMPM\tmodule API\tlayout\tmodules in\tto choose it")
	for _, a := range list {
		if a.Usable && a.Info != nil {
			fmt.Fprintf(w, "httpd %s\t%s\t%s %d:%d\t%s\t%s\t%s\n", a.Info.Version, a.Info.MPM,
				a.Info.MMN.Cookie, a.Info.MMN.Major, a.Info.MMN.Minor, a.Info.Family, a.Info.ModulesDir, a.Select)
		}
	}
}

// apacheNotes are sentences on those that are usable.
func apacheNotes(list []apxs.Candidate, others []string) []string {
	var notes []string
	for _, a := range list {
		if a.Usable && a.Info != nil {
			for _, note := range a.Info.Notes {
				notes = append(notes, fmt.Sprintf("%s: %s", first(a.Apxs, a.Select), note))
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
		fmt.Fprintf(w, "  %s: %s\n", first(a.Apxs, a.Httpd, a.Select), indented(a.Why))
		if a.Advice != "" {
			fmt.Fprintf(w, "    %s\n", indented(a.Advice))
		}
	}
}

// indented keeps the further lines of a text below the first.
func indented(text string) string { return strings.ReplaceAll(text, "\n", "\n    ") }
