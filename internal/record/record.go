// Package record reads what one machine wrote down about its Apache or Python,
// so that another can build for it (rules A-12 and P-14).
package record

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"modwsgi/internal/hint"
)

// maxSize is ample for a record: they have a few kilobytes.
const maxSize = 1 << 20

// Read fills the struct that into points to from the JSON file at path. A member
// that the struct does not know is an error, since it means another version of
// this program; so is anything behind the document.
func Read(path, setting string, into any) error {
	fail := func(err error) error {
		return hint.Exit(hint.New(fmt.Errorf("reading %s (%s): %w", path, setting, err),
			"it is the member \"info\" of one entry of mod_wsgi-express discover --json, written by this version"), hint.Usage)
	}
	f, err := os.Open(path)
	if err != nil {
		return fail(err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err != nil {
		return fail(err)
	}
	if len(data) > maxSize {
		return fail(fmt.Errorf("it has more than %d bytes", maxSize))
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fail(err)
	}
	if _, err := d.Token(); err != io.EOF {
		return fail(fmt.Errorf("something follows the document"))
	}
	return nil
}
