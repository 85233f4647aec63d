// Package chglog stands in go.mod for the one of the same path, of which nfpm
// uses the few names below: that one reads changes out of git repositories, for
// which it links go-git, sprig and two dozen other modules. Every command of
// mod_wsgi-express would start them.
package chglog

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"text/template"
	"time"
)

// PackageChangeLog is all of a package's changes; templates are given it.
type PackageChangeLog struct {
	Name    string
	Entries ChangeLogEntries
}

// ChangeLogEntries are versions, the newest first.
type ChangeLogEntries []*ChangeLog

// ChangeLog is what changed in a version.
type ChangeLog struct {
	Semver   string
	Date     time.Time
	Packager string
	Changes  []*ChangeLogChange
}

// ChangeLogChange is one change.
type ChangeLogChange struct{ Note string }

// Parse reads a file of entries. They are JSON, which is all that is written here.
func Parse(file string) (ChangeLogEntries, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var entries ChangeLogEntries
	if err := json.Unmarshal(data, &entries); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return entries, nil
}

// LoadTemplateData parses a template, which may use what nfpm's does beside Go's
// own functions.
func LoadTemplateData(text string) (*template.Template, error) {
	return template.New("changes").Funcs(template.FuncMap{
		"splitList": func(separator, list string) []string { return strings.Split(list, separator) },
		"first":     func(list []string) string { return list[0] },
		"rest":      func(list []string) []string { return list[1:] },
		"trim":      strings.TrimSpace,
	}).Parse(text)
}

// DebTemplate is of changelogs as Debian has them: packages that we make have
// none in that form.
func DebTemplate() (*template.Template, error) {
	return nil, errors.New("changelogs of Debian are not written here")
}

// FormatChangelog is a changelog by a template.
func FormatChangelog(log *PackageChangeLog, t *template.Template) (string, error) {
	var b strings.Builder
	err := t.Execute(&b, log)
	return b.String(), err
}
