//go:build !linux

package provider

import (
	"context"
	"fmt"
	"runtime"
)

// within says that there are no namespaces on this system.
func (v view) within(context.Context, func(ctx context.Context, root string) error) error {
	return missing(Platform, fmt.Errorf("%s has no mount namespaces", runtime.GOOS), "run it on Linux")
}

// alone says the same.
func alone(func() error) error { return view{}.within(nil, nil) }
