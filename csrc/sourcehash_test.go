package csrc

import "testing"

// What a start compares records with is what a build writes into them.
func TestSourceHash(t *testing.T) {
	tree, err := readTree(Sources())
	if err != nil {
		t.Fatal(err)
	}
	if hash, err := SourceHash(); err != nil || hash != tree.hash || hash == "" {
		t.Errorf("%q, %v, not %q", hash, err, tree.hash)
	}
}
