package fsx

import (
	"os"
	"path/filepath"
	"strings"
)

// Exists tells whether something is at path; links are followed.
func Exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// IsFile tells whether a regular file is at path, or a link to one.
func IsFile(path string) bool {
	fi, err := os.Stat(path)
	return err == nil && fi.Mode().IsRegular()
}

// IsDir tells whether a folder is at path, or a link to one.
func IsDir(path string) bool {
	fi, err := os.Stat(path)
	return err == nil && fi.IsDir()
}

// Glob lists what a pattern matches below dir, which stands for itself whatever
// characters it has. The error is about the pattern.
func Glob(dir, pattern string) ([]string, error) {
	quoted := strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(dir)
	return filepath.Glob(filepath.Join(quoted, pattern))
}
