// Package browse tries pages of ours in a browser. Only tests import it.
package browse

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	cdp "github.com/chromedp/chromedp"

	"modwsgi/internal/run"
)

// Browser is one with one page. It ends with its test.
type Browser struct {
	t   *testing.T
	ctx context.Context
}

// Look is how a page is looked at. Whoever looks has asked for little motion.
type Look struct {
	Name          string
	Width, Height int64
	Dark          bool
}

// Start starts a Chromium. The test is skipped where there is none.
func Start(t *testing.T) *Browser {
	t.Helper()
	if testing.Short() {
		t.Skip("starts a browser: not with -short")
	}
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := (&run.Runner{}).LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Skip("there is no Chromium here (Debian: chromium)")
	}
	options := append(cdp.DefaultExecAllocatorOptions[:], cdp.ExecPath(path), cdp.UserDataDir(t.TempDir()), cdp.DisableGPU)
	if os.Geteuid() == 0 {
		options = append(options, cdp.NoSandbox)
	}
	ctx, stop := cdp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	ctx, stop = cdp.NewContext(ctx)
	t.Cleanup(stop)
	b := &Browser{t, ctx}
	b.Do(cdp.Navigate("about:blank")) // the browser lives as long as this context
	b.ctx, stop = context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(stop)
	return b
}

// Do carries out steps.
func (b *Browser) Do(steps ...cdp.Action[cdp.Void]) {
	b.t.Helper()
	if err := cdp.Do(b.ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

// Open opens a page.
func (b *Browser) Open(url string, look Look) {
	b.t.Helper()
	scheme := map[bool]string{false: "light", true: "dark"}[look.Dark]
	_, err := cdp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}})
	if err != nil {
		b.t.Fatal(err)
	}
	b.Do(cdp.EmulateViewport(look.Width, look.Height), cdp.Navigate(url))
}

// Script runs a script in the page.
func (b *Browser) Script(script string) {
	b.t.Helper()
	b.Do(cdp.Evaluate[cdp.Void](script))
}

// Value is the value of an expression in the page.
func Value[T any](b *Browser, expression string) T {
	b.t.Helper()
	out, err := cdp.Run(b.ctx, cdp.Evaluate[T](expression))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return out
}

// Wait waits until an expression in the page is true.
func (b *Browser) Wait(expression string) {
	b.t.Helper()
	if _, err := cdp.Run(b.ctx, cdp.Poll[bool](expression, cdp.WithPollingInterval(50*time.Millisecond), cdp.WithPollingTimeout(time.Minute))); err != nil {
		b.t.Fatalf("%s never: %v; the page says %s", expression, err, Value[string](b, "document.body.innerText"))
	}
}

// Screenshot takes a picture of the whole page, and keeps it where
// MODWSGI_SCREENSHOTS names a folder.
func (b *Browser) Screenshot(name string) {
	b.t.Helper()
	picture, err := cdp.Run(b.ctx, cdp.FullScreenshot(100))
	if err != nil {
		b.t.Fatal(err)
	}
	if !bytes.HasPrefix(picture, []byte("\x89PNG")) {
		b.t.Error("no picture")
	}
	if dir := os.Getenv("MODWSGI_SCREENSHOTS"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, name+".png"), picture, 0o644); err != nil {
			b.t.Fatal(err)
		}
	}
}

// LowContrast lists the texts of the page of less than 4.5 to 1.
func (b *Browser) LowContrast() []string { b.t.Helper(); return Value[[]string](b, contrasts) }

const contrasts = `(() => {
	const light = (c) => { const [r, g, b] = c.match(/[\d.]+/g).map((x) => (x /= 255) <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
	const back = (e) => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if (!/, 0\)$/.test(c)) return c; } return "rgb(255, 255, 255)"; };
	const low = [];
	for (const e of document.querySelectorAll("h1, h2, p, a, label, select, button, dt, dd, th, td, li, time, text")) {
		const s = getComputedStyle(e), c = e.tagName === "text" ? s.fill : s.color;
		const [a, b] = [light(c), light(back(e))].sort((x, y) => y - x);
		if ((a + 0.05) / (b + 0.05) < 4.5) low.push(e.tagName + " " + e.textContent.slice(0, 20) + " " + c + " on " + back(e));
	}
	return low;
})()`
