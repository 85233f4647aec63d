package plan

import (
	"slices"
	"strings"
	"time"
)

// ConfigFile is the file in the working folder that says what a matrix has.
const ConfigFile = "matrix.toml"

// Bounds and defaults of what is said of cells (rules M-6 and M-9).
const (
	defaultTimeout = 120 * time.Second
	MaxTimeout     = 7 * 24 * time.Hour
	maxRetries     = 2
)

// Config is what matrix.toml says. The zero Config is that of no file.
type Config struct {
	file    string            // for messages
	axes    map[Axis][]string // as written; an axis that is missing has what the machine has, or its default alone
	at      map[Axis]int      // lines
	include []rule
	exclude []rule
	require []rule
	xfail   []known
	limits  []limit

	timeout time.Duration
	retries int
	order   []Axis
	changed []string
	CI      CI

	Archives Archives // of what can be made
}

// CI is what an engine is told beside the cells.
type CI struct {
	RunsOn string   // of GitHub: the label of the machine
	Image  string   // of GitLab: the image of the jobs
	Tags   []string // of GitLab: of the runner
	Setup  []string // lines of shell before the matrix: what a fresh machine lacks
}

// rule is some cells by patterns of their values: all of the fields have to match,
// each by one of its patterns.
type rule struct {
	fields map[Axis][]string
	line   int
}

// known is what is expected of some cells.
type known struct {
	rule
	Xfail
}

// limit is what some cells may take.
type limit struct {
	rule
	timeout time.Duration // 0: as of all
	retries int           // -1: as of all
}

// Requests are the Pythons that the file asks for, in its order, each once: as
// -python takes them. None: those of the machine.
func (c *Config) Requests() []string { return c.axes[Python] }

// Servers are the Apaches that it asks for: versions, or paths of apxs.
func (c *Config) Servers() []string { return c.axes[Apache] }

// Providers are those that it names as values, the host among them if it is.
func (c *Config) Providers() []string {
	list := slices.Clone(c.axes[Provider])
	for _, r := range slices.Concat(c.include, c.require) {
		for _, v := range r.fields[Provider] {
			if !isPattern(v) && !slices.Contains(list, v) {
				list = append(list, v)
			}
		}
	}
	return list
}

// isPattern tells whether a text has a wildcard.
func isPattern(text string) bool { return strings.ContainsAny(text, `*?[\`) }

// defaultChanged are the paths that C or build code has in this repository (rule
// M-4): what they hold can break any cell.
func defaultChanged() []string {
	return []string{"csrc/**", "apxs/**", "pybuild/**", "matrix/**", "installer/pyruntime/**", "go.mod", "go.sum", ConfigFile}
}
