package cli

import (
	"strings"

	"modwsgi/internal/hint"
)

// mageError is an error as Mage prints it: Mage writes what Error returns
// behind "Error: " and asks for ExitStatus, and knows nothing of hints.
type mageError struct{ err error }

func (e mageError) Error() string {
	text := strings.TrimRight(e.err.Error(), "\n")
	for advice := range strings.SplitSeq(hint.Of(e.err), "\n") {
		if advice != "" {
			text += "\nhint: " + advice
		}
	}
	return text
}

func (e mageError) Unwrap() error   { return e.err }
func (e mageError) ExitStatus() int { return hint.Code(e.err) }

// ForMage dresses what a target returns: the hints below the error, and the
// exit status of the table in package hint. A nil err stays nil.
func ForMage(err error) error {
	if err == nil {
		return nil
	}
	return mageError{err}
}
