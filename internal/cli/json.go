package cli

import (
	"encoding/json"
	"io"
)

// JSON writes one document for programs to read, indented so that a person can
// too.
func JSON(w io.Writer, document any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false) // it is read by programs, not browsers: && stays &&
	return e.Encode(document)
}
