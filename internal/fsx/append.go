package fsx

import (
	"errors"
	"fmt"
	"os"
)

// Append adds data to the file path, which is made if it is missing. It is for files
// of others, which hold them open: what is there stays, and so does the file.
func Append(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err == nil {
		_, err = f.Write(data)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		return fmt.Errorf("adding to %s: %w", path, reason(err))
	}
	return nil
}
