package fetch

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"

	"modwsgi/internal/hint"
	"modwsgi/internal/pattern"
)

// anchor finds the links of a page of the simple index (PEP 503). An index may
// answer with nothing but HTML, so that is what is asked for.
var anchor = pattern.New(`(?i)<a\s[^>]*?href\s*=\s*["']([^"']+)["']`)

// fromIndex finds the source distribution of a version on the Python package
// index: its URL, and the checksum that the index publishes, "" if none.
func (o Options) fromIndex(ctx context.Context, version string) (u, sum string, err error) {
	index := o.Index
	if index == "" {
		index = indexURL
	}
	page := strings.TrimSuffix(index, "/") + "/mod-wsgi/"
	body, err := o.page(ctx, page)
	if err != nil {
		return "", "", err
	}
	base, err := url.Parse(page)
	if err != nil {
		return "", "", err
	}
	want := "mod_wsgi-" + version + ".tar.gz"
	for _, m := range anchor.FindAllStringSubmatch(body, -1) {
		link, err := base.Parse(strings.ReplaceAll(m[1], "&amp;", "&"))
		if err != nil || path.Base(link.Path) != want {
			continue
		}
		if algorithm, digits, found := strings.Cut(link.Fragment, "="); found {
			if sum, err = checksum(algorithm, digits); err != nil {
				return "", "", fmt.Errorf("reading %s: %w", page, err)
			}
		}
		link.Fragment = ""
		return link.String(), sum, nil
	}
	return "", "", hint.Exit(hint.New(fmt.Errorf("the index %s has no %s", page, want),
		"versions are as 6.0.5; a mirror is named by MODWSGI_INDEX_URL"), hint.NotFound)
}

// page is the text of a small page.
func (o Options) page(ctx context.Context, u string) (string, error) {
	if err := o.mayAsk(u); err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u, nil)
	if err != nil {
		return "", err
	}
	req.Header.Set("User-Agent", o.agent())
	req.Header.Set("Accept", "text/html")
	resp, err := o.client().Do(req)
	if err != nil {
		return "", fmt.Errorf("fetching %s: %w", u, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("fetching %s: %s", u, resp.Status)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", fmt.Errorf("fetching %s: %w", u, err)
	}
	return string(body), nil
}
