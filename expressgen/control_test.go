package expressgen

import (
	"strings"
	"testing"
)

// A133: the control script takes the user that it was generated for as it was then,
// but for root: setup-server leaves it to whoever starts the server to name another.
func TestControlKnowsItsUser(t *testing.T) {
	for uid, known := range map[int]bool{0: false, 1000: true} {
		o, f := base(), facts()
		f.UID, f.RunUID, f.User = 0, uid, "them"
		s, err := Generate(o, f)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(contents(t, &s, "apachectl"), `[ "$MOD_WSGI_USER" = 'them' ]`); got != known {
			t.Errorf("user %d: taken as it was: %v", uid, got)
		}
	}
}
