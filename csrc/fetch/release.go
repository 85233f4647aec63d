package fetch

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"modwsgi/internal/hint"
)

// release brings the archive that was uploaded with a release, never the one
// that a forge makes of a tag, whose bytes may change (rule G-4). If nothing else
// knows its checksum, the sums file beside it does, which is then locked.
func (o Options) release(ctx context.Context, s Source) (Tree, error) {
	folder, name := o.releaseAt(s.At)
	if _, err := o.expected(s); errors.Is(err, errNoSum) {
		sum, sumsErr := o.published(ctx, folder+"SHA256SUMS", name)
		if sumsErr != nil && !o.AllowUnverified {
			return Tree{}, hint.Exit(errors.Join(err, sumsErr), hint.Refused)
		}
		s.Sum = sum
	}
	return o.remote(ctx, s, folder+name)
}

// releaseAt is where the files of a release are, and the name of its archive.
func (o Options) releaseAt(version string) (folder, name string) {
	base := o.Releases
	if base == "" {
		base = releasesURL
	}
	return fmt.Sprintf("%s/mod_wsgi-%s/", strings.TrimSuffix(base, "/"), version), fmt.Sprintf("mod_wsgi-%s.tar.gz", version)
}

// published is the checksum that a sums file gives for a name. It proves
// something only if it came by https.
func (o Options) published(ctx context.Context, u, name string) (string, error) {
	if !strings.HasPrefix(u, "https://") {
		return "", fmt.Errorf("%s would not come by https", u)
	}
	text, err := o.page(ctx, u)
	if err != nil {
		return "", err
	}
	sum, err := sumIn(text, name)
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", u, err)
	}
	return sum, nil
}

// sumIn finds the line "HEX  NAME" of a sums file.
func sumIn(text, name string) (string, error) {
	found := ""
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) != 2 || strings.TrimPrefix(words[1], "*") != name {
			continue
		}
		sum, err := checksum("sha256", words[0])
		if err != nil {
			return "", err
		}
		if found != "" && found != sum {
			return "", fmt.Errorf("it has two checksums of %s", name)
		}
		found = sum
	}
	if found == "" {
		return "", fmt.Errorf("it has no checksum of %s", name)
	}
	return found, nil
}
