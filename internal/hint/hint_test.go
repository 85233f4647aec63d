package hint

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"testing"
)

func TestOf(t *testing.T) {
	base := errors.New("no apxs")
	inner := New(base, "install apache2-dev")
	tests := []struct {
		name string
		err  error
		want string
	}{
		{"nil", nil, ""},
		{"plain", base, ""},
		{"direct", inner, "install apache2-dev"},
		{"wrapped", fmt.Errorf("building: %w", inner), "install apache2-dev"},
		{"outermost wins", New(fmt.Errorf("building: %w", inner), "run quickstart"), "run quickstart"},
		{"empty advice does not hide", New(inner, ""), "install apache2-dev"},
		{"joined", errors.Join(inner, New(base, "install gcc")), "install apache2-dev\ninstall gcc"},
		{"joined twice the same", errors.Join(inner, inner), "install apache2-dev"},
		{"through an exit code", Exit(inner, NotFound), "install apache2-dev"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Of(tt.err); got != tt.want {
				t.Errorf("Of = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestCode(t *testing.T) {
	base := fmt.Errorf("reading: %w", fs.ErrNotExist)
	tests := []struct {
		name string
		err  error
		want int
	}{
		{"nil", nil, OK},
		{"plain", base, Failed},
		{"given", Exit(base, NotFound), NotFound},
		{"wrapped", fmt.Errorf("building: %w", Exit(base, NotFound)), NotFound},
		{"outermost wins", Exit(Exit(base, NotFound), Refused), Refused},
		{"through advice", New(Exit(base, Usage), "try -help"), Usage},
		{"deadline", fmt.Errorf("asking: %w", context.DeadlineExceeded), TimedOut},
		{"joined", errors.Join(base, Exit(base, Usage)), Usage},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Code(tt.err); got != tt.want {
				t.Errorf("Code = %d, want %d", got, tt.want)
			}
			if tt.err != nil && !errors.Is(tt.err, fs.ErrNotExist) && tt.name != "deadline" {
				t.Error("the cause is lost")
			}
		})
	}
}

func TestNilStaysNil(t *testing.T) {
	if New(nil, "x") != nil || Exit(nil, 3) != nil {
		t.Error("an error was made of nothing")
	}
}
