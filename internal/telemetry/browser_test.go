package telemetry

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	cdp "github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// browser starts one for a test, which is skipped where there is none.
func browser(t *testing.T) context.Context {
	t.Helper()
	if testing.Short() {
		t.Skip("starts a browser: not with -short")
	}
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
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
	if err := cdp.Do(ctx, cdp.Navigate("about:blank")); err != nil { // the browser lives as long as this context
		t.Fatal(err)
	}
	ctx, stop = context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(stop)
	return ctx
}

// screenshot keeps a picture where MODWSGI_SCREENSHOTS names a folder.
func screenshot(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	picture, err := cdp.Run(ctx, cdp.FullScreenshot(100))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(picture, []byte("\x89PNG")) {
		t.Error("no picture")
	}
	if dir := os.Getenv("MODWSGI_SCREENSHOTS"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, name+".png"), picture, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// evaluate is the value of an expression in the page.
func evaluate[T any](t *testing.T, ctx context.Context, expression string) T {
	t.Helper()
	out, err := cdp.Run(ctx, cdp.Evaluate[T](expression))
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return out
}

// wait waits until an expression in the page is true.
func wait(t *testing.T, ctx context.Context, expression string) {
	t.Helper()
	if _, err := cdp.Run(ctx, cdp.Poll[bool](expression, cdp.WithPollingInterval(50*time.Millisecond), cdp.WithPollingTimeout(time.Minute))); err != nil {
		t.Fatalf("%s never: %v; the page says %s", expression, err, evaluate[string](t, ctx, "document.body.innerText"))
	}
}

// history makes a service have had three minutes of two processes, one of which
// ended, and slow requests with what an attacker asks for.
func (r *running) history() {
	offset, began := time.Duration(0), time.Now()
	r.store.mu.Lock()
	r.store.now = func() time.Duration { return offset + time.Since(began) }
	r.store.mu.Unlock()
	a, b := &sender{pid: 101, group: "site"}, &sender{pid: 102, group: "site"}
	n := uint64(0)
	send := func(w *word) {
		n++
		r.send(w.bytes())
		r.until("it is taken", func(s Snapshot) bool { return s.Intake.Datagrams == n })
	}
	send(a.word(KindStarted).text(1, "0.1").text(2, "3.13.5").text(3, "Apache/2.4.62").text(4, "event"))
	send(b.word(KindStarted).text(1, "0.1").text(2, "3.13.5").text(3, "Apache/2.4.62").text(4, "event"))
	for i := range 175 {
		r.store.mu.Lock()
		offset += time.Second
		r.store.mu.Unlock()
		send(a.sample(1, 100+i%40, 8+i%9))
		if i < 120 {
			send(b.sample(1, 50+i%11, 12+i%7))
		}
	}
	send(b.word(KindStopping).text(130, "maximum_requests").float(131, 120))
	send(b.word(KindStopped).text(130, "maximum_requests").float(131, 120).number(132, 6600).number(134, 1))
	for i, path := range hostilePaths {
		send(a.slow(1, float64(i), 1.5+float64(i), path))
	}
	send(a.slow(0, 99, 0.7, "/still/running"))
	// From now on it goes on telling, or it would be taken for dead.
	go func() {
		for tick := time.NewTicker(time.Second); ; {
			select {
			case <-r.t.Context().Done():
				tick.Stop()
				return
			case <-tick.C:
				_, _ = r.conn.Write(a.sample(1, 120, 9).bytes()) // closed: the test ends
			}
		}
	}()
}

// hostilePaths are what a client can ask for, to run in the browser of whoever
// looks at the page.
var hostilePaths = []string{
	`/<script>document.title='owned'</script>`, `/<img src=x onerror="document.title='owned'">`,
	`/"><svg onload=document.title='owned'>`, `/'-document.title='owned'-'`, "/</td><iframe src=javascript:parent.document.title='owned'>",
	"/\u202egnp.exe", "/ok" + strings.Repeat("x", 400),
}

// 3.22, show 4: what the page shows, in light and dark and on a phone, and that
// nothing that a client asked for runs in it.
func TestPage(t *testing.T) {
	ctx := browser(t)
	r := start(t)
	r.history()
	for _, look := range []struct {
		name          string
		width, height int64
		dark          bool
	}{{"light", 1280, 900, false}, {"dark", 1280, 900, true}, {"phone", 360, 740, false}, {"phone-dark", 360, 740, true}} {
		scheme := map[bool]string{false: "light", true: "dark"}[look.dark]
		_, err := cdp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}})
		if err == nil {
			err = cdp.Do(ctx, cdp.EmulateViewport(look.width, look.height), cdp.Navigate(r.URL()))
		}
		if err != nil {
			t.Fatal(err)
		}
		wait(t, ctx, `document.querySelectorAll("#slow tbody tr").length === 8`)
		wait(t, ctx, `document.getElementById("state").textContent === "Live"`)
		if wide := evaluate[int64](t, ctx, "document.documentElement.scrollWidth"); wide > look.width {
			t.Errorf("%s: the page is %d wide", look.name, wide)
		}
		if low := evaluate[[]string](t, ctx, contrasts); len(low) > 0 {
			t.Errorf("%s: too little contrast: %v", look.name, low)
		}
		if moves := evaluate[int](t, ctx, "document.getAnimations().length"); moves != 0 {
			t.Errorf("%s: %d things move", look.name, moves)
		}
		screenshot(t, ctx, look.name)
	}
	if title := evaluate[string](t, ctx, "document.title"); title != "Telemetry – mod_wsgi" {
		t.Errorf("a script of a client ran: %s", title)
	}
	if n := evaluate[int](t, ctx, `document.querySelectorAll("td *, script:not([src]), iframe, img").length`); n != 0 {
		t.Errorf("%d elements that no page of ours has", n)
	}
	text := evaluate[string](t, ctx, `document.getElementById("slow").innerText`)
	for _, path := range hostilePaths[:5] {
		if !strings.Contains(text, path) {
			t.Errorf("%s is not shown as it is", path)
		}
	}
	keyboard(t, ctx)
	choice(t, ctx, r)
}

// contrasts are the texts of less than 4.5 to 1.
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

// keyboard goes through a chart with the arrow keys.
func keyboard(t *testing.T, ctx context.Context) {
	t.Helper()
	label := func() string {
		return evaluate[string](t, ctx, `document.activeElement.getAttribute("aria-label")`)
	}
	if err := cdp.Do(ctx, cdp.Evaluate[cdp.Void](`document.querySelector("figure > svg").focus()`), cdp.KeyEvent(kb.ArrowLeft), cdp.KeyEvent(kb.ArrowLeft)); err != nil {
		t.Fatal(err)
	}
	if got := label(); !strings.HasPrefix(got, "Requests per second: all 1") || !strings.HasSuffix(got, "s ago") {
		t.Errorf("after two steps to the left: %q", got)
	}
	if err := cdp.Do(ctx, cdp.KeyEvent(kb.Escape)); err != nil {
		t.Fatal(err)
	}
	if got := label(); strings.Contains(got, "ago") {
		t.Errorf("after Escape: %q", got)
	}
	unreached := evaluate[[]string](t, ctx, `[...document.querySelectorAll("select, button, figure > svg, .wide")].filter((e) => e.tabIndex !== 0).map((e) => e.id || e.tagName)`)
	if len(unreached) > 0 {
		t.Errorf("not reached by Tab: %v", unreached)
	}
}

// choice looks at one process, pauses, and has the service end.
func choice(t *testing.T, ctx context.Context, r *running) {
	t.Helper()
	if err := cdp.Do(ctx, cdp.Evaluate[cdp.Void](`(() => { const s = document.getElementById("series"); s.value = "process:host/site/102"; s.dispatchEvent(new Event("change")); })()`)); err != nil {
		t.Fatal(err)
	}
	want := 0
	for i := range 120 {
		want += 50 + i%11
	}
	wait(t, ctx, fmt.Sprintf(`document.getElementById("figure-requests").lastChild.textContent === (%d).toLocaleString("en")`, want))
	if err := cdp.Do(ctx, cdp.Click("#pause")); err != nil {
		t.Fatal(err)
	}
	wait(t, ctx, `document.getElementById("state").textContent === "Paused"`)
	r.end()
	wait(t, ctx, `document.getElementById("state").dataset.state === "lost"`)
}
