package installer

import (
	"strings"

	"modwsgi/internal/pattern"
)

// grave is what no log of a module that works has in it, whatever the server
// answered (rule V-8).
var grave = pattern.New(`\bWSGI(?:0001|0036|0100|0101|0210)\b|Fatal Python error`)

// Grave tells whether a line of an error log shows that Python did not start or
// broke down. Such a line is a failure at any level of the log.
func Grave(line string) bool { return grave.MatchString(line) }

// loadedTwice tells whether Apache says that another line had loaded the module
// before.
func loadedTwice(line string) bool {
	return strings.Contains(line, "AH01574") && strings.Contains(line, "wsgi_module")
}

// heard looks through what Apache said while it succeeded (rule V-8).
func (l *LevelReport) heard(said string) {
	for line := range strings.Lines(said) {
		if Grave(line) || loadedTwice(line) {
			l.Wrong = append(l.Wrong, "Apache says: "+strings.TrimSpace(line))
		}
	}
}

// maxSaid is how many lines of what Apache said stand in a report.
const maxSaid = 6

// whatSaid is what was said, as far as it says what is wrong: a refusal is two
// lines, of place and of reason. Err serves where nothing was said.
func whatSaid(said string, err error) string {
	var list []string
	for line := range strings.Lines(said) {
		line = strings.TrimSpace(line)
		known := strings.Contains(line, "AH00558") || loadedTwice(line) // no name of the server; told of elsewhere
		if line != "" && !known {
			list = append(list, line)
		}
	}
	if len(list) == 0 {
		return err.Error()
	}
	return strings.Join(list[:min(maxSaid, len(list))], "\n")
}
