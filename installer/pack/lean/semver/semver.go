// Package semver stands in go.mod for the one of the same path: nfpm would take
// versions apart by it, if they were not given in parts. It compiles thirty
// expressions at every start of a program that it is linked into.
package semver

import "errors"

// Version would be one that was taken apart; there is none.
type Version struct{}

// NewVersion takes no version apart: nfpm then uses it as it is.
func NewVersion(string) (*Version, error) {
	return nil, errors.New("versions are given in parts")
}

func (*Version) Major() uint64      { return 0 }
func (*Version) Minor() uint64      { return 0 }
func (*Version) Patch() uint64      { return 0 }
func (*Version) Prerelease() string { return "" }
func (*Version) Metadata() string   { return "" }
