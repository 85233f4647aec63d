package pattern

import (
	"reflect"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// A late expression says what one does that is compiled at once, to whoever asks
// first.
func TestLate(t *testing.T) {
	const text = `(?i)(a+)b|c`
	late, now := New(text), regexp.MustCompile(text)
	var group sync.WaitGroup
	for _, s := range []string{"", "AAb", "xc", "aabab", "d"} {
		group.Go(func() {
			got := []any{late.MatchString(s), late.FindString(s), late.FindStringSubmatch(s), late.FindSubmatch([]byte(s)), late.FindAllString(s, -1), late.FindAllStringSubmatch(s, -1), late.ReplaceAllString(s, "<$1>"), late.ReplaceAllStringFunc(s, strings.ToUpper)}
			want := []any{now.MatchString(s), now.FindString(s), now.FindStringSubmatch(s), now.FindSubmatch([]byte(s)), now.FindAllString(s, -1), now.FindAllStringSubmatch(s, -1), now.ReplaceAllString(s, "<$1>"), now.ReplaceAllStringFunc(s, strings.ToUpper)}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%q: got %q, want %q", s, got, want)
			}
		})
	}
	group.Wait()
}

// Nothing is compiled before it is used; what is no expression shows then.
func TestLateInvalid(t *testing.T) {
	late := New(`(`)
	defer func() {
		if recover() == nil {
			t.Error("an invalid expression was used")
		}
	}()
	late.MatchString("x")
}
