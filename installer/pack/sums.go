package pack

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"modwsgi/internal/pattern"
)

// SumsFile has the hashes of all files beside it, as sha256sum reads them (rule
// B-3).
const SumsFile = "SHA256SUMS"

// Sum is a package and its hash.
type Sum struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
	Size   int    `json:"size"`
}

// Sums are those of packages, in their order.
func Sums(made []Made) []Sum {
	var list []Sum
	for _, m := range made {
		list = append(list, Sum{m.Name, fmt.Sprintf("%x", sha256.Sum256(m.Data)), len(m.Data)})
	}
	return list
}

var sumLine = pattern.New(`^([0-9a-f]{64})  ([^/\x00-\x1f]+)$`)

// readSums reads such a file.
func readSums(text string) (map[string]string, error) {
	list := map[string]string{}
	for line := range strings.Lines(text) {
		m := sumLine.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		if m == nil || list[m[2]] != "" {
			return nil, fmt.Errorf("%s has the line %q", SumsFile, line)
		}
		list[m[2]] = m[1]
	}
	return list, nil
}

// SumsOf is the file of that name for a folder to which sums were added. What it
// had before stays where the file is still what it was, and what it says of others
// still true.
func SumsOf(dir string, added []Sum) ([]byte, error) {
	all := map[string]string{}
	if text, err := os.ReadFile(filepath.Join(dir, SumsFile)); err == nil {
		old, err := readSums(string(text))
		if err != nil {
			return nil, fmt.Errorf("reading what is in %s: %w", dir, err)
		}
		for name, sum := range old {
			if now, err := readFileSum(filepath.Join(dir, name)); err == nil && now == sum {
				all[name] = sum
			}
		}
	}
	fresh := map[string]bool{}
	for _, s := range added {
		all[s.Name], fresh[s.Name] = s.SHA256, true
	}
	for name := range maps.Clone(all) {
		if !fresh[name] && checkPaper(dir, name, all) != nil {
			delete(all, name)
		}
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&b, "%s  %s\n", all[name], name)
	}
	return []byte(b.String()), nil
}
