package matrix

import (
	"slices"
	"strings"
)

// Promise is one line of what the module promises to its users: seen from
// outside, in a running Apache, whatever is behind it. Cases and refusals name
// the promises that they show in Covers.
type Promise struct {
	ID   string
	In   string // "B" both modes, "E" embedded, "D" daemon, "-" when the configuration is read
	What string
	Open string // why no case shows it yet; empty once one does
}

// Modes are those in which the promise is to be shown; none for one about
// reading the configuration.
func (p Promise) Modes() []Mode {
	switch p.In {
	case "E":
		return []Mode{Embedded}
	case "D":
		return []Mode{Daemon}
	case "B":
		return Modes()
	}
	return nil
}

// covers reads a list of promises.
func covers(list string) []string { return strings.Fields(list) }

// Promises are all of them, in the order of the document docs/acceptance.md.
func Promises() []Promise {
	return slices.Concat(promisesOfRequests(), promisesOfResponses(), promisesOfDaemons(), promisesOfInterpreters(), promisesOfAccess(), promisesOfTheAPI())
}
