// Package docs holds the reference documents, for the commands that quote them.
package docs

import _ "embed"

// Messages is messages.md: each numbered line of the log and what to do.
//
//go:embed messages.md
var Messages string
