package fsx

import (
	"fmt"
	"os"
	"time"
)

// Touch notes at the file path that it is in use now.
func Touch(path string) error {
	now := time.Now()
	if err := os.Chtimes(path, now, now); err != nil {
		return fmt.Errorf("touching: %w", err)
	}
	return nil
}
