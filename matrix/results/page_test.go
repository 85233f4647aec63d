package results

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	cdp "github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"modwsgi/internal/browse"
)

// pageOf puts a page into a file for the browser.
func pageOf(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "report.html")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return "file://" + path
}

// M-10: what people see of a matrix, wide and narrow, light and dark, and that
// nothing of a log becomes anything but text in it.
func TestPage(t *testing.T) {
	b := browse.Start(t)
	p, list := sample(66)
	rep := NewReport(p, list[:len(list)-3])
	page, err := rep.HTML()
	if err != nil {
		t.Fatal(err)
	}
	url := pageOf(t, string(page))
	for _, look := range []browse.Look{
		{Name: "report-light", Width: 1280, Height: 900}, {Name: "report-dark", Width: 1280, Height: 900, Dark: true},
		{Name: "report-phone", Width: 360, Height: 740}, {Name: "report-phone-dark", Width: 360, Height: 740, Dark: true},
	} {
		b.Open(url, look)
		b.Wait(`!document.getElementById("filters").hidden`)
		b.Screenshot(look.Name)
		b.Script(`document.querySelector("td.fail a").click()`)
		b.Wait(`document.getElementById("dialog").open`)
		b.Screenshot(look.Name + "-cell")
		low := b.LowContrast()
		b.Do(cdp.KeyEvent(kb.Escape))
		b.Wait(`!document.getElementById("dialog").open`)
		b.Script(`for (const d of document.querySelectorAll("details")) d.open = true`)
		if low = append(low, b.LowContrast()...); len(low) > 0 {
			t.Errorf("%s: too little contrast: %v", look.Name, low)
		}
		if wide := browse.Value[int64](b, "document.documentElement.scrollWidth"); wide > look.Width {
			t.Errorf("%s: the page is %d wide", look.Name, wide)
		}
	}
	harmless(t, b, rep)
	t.Run("filters", func(t *testing.T) { filtersOf(t, b, rep) })
	t.Run("keyboard", func(t *testing.T) { keyboard(t, b, rep) })
	t.Run("link", func(t *testing.T) {
		b.Open("about:blank", browse.Look{Width: 1280, Height: 900})
		b.Open(url+"#cell-py3.9-prefork-embedded", browse.Look{Width: 1280, Height: 900})
		b.Wait(`document.getElementById("dialog").open`)
	})
	t.Run("without script", func(t *testing.T) { withoutScript(t, b, string(page)) })
}

// harmless looks for what only a log could have brought: the page has one script,
// and pictures and frames of nobody.
func harmless(t *testing.T, b *browse.Browser, rep Report) {
	t.Helper()
	if title := browse.Value[string](b, "document.title"); title != "Matrix: "+rep.Line() {
		t.Errorf("a script of a log ran: %s", title)
	}
	if n := browse.Value[int](b, `document.querySelectorAll("script, img, svg, iframe, link, object, base, pre *, [onload], [onerror]").length`); n != 1 {
		t.Errorf("%d elements that no page of ours has", n-1)
	}
	text := browse.Value[string](b, `document.querySelector("details.fail pre.log").textContent`)
	if want := clean(strings.ToValidUTF8(hostile, "\ufffd")); !strings.Contains(text, want) {
		t.Errorf("a log is not shown as it is: %q", text[max(0, len(text)-400):])
	}
	if n := browse.Value[int](b, `[...document.querySelectorAll("td[data-axes]")].filter((c) => !c.closest("tr").querySelector("th[scope=row]")).length + document.querySelectorAll("th:not([scope])").length`); n != 0 {
		t.Errorf("%d cells without headings", n)
	}
}

// filtersOf chooses values, and sees what is left.
func filtersOf(t *testing.T, b *browse.Browser, rep Report) {
	choose := func(name, value string) {
		b.Script(`(() => { const s = document.querySelector("select[name=` + name + `]"); s.value = "` + value + `"; s.dispatchEvent(new Event("input", {bubbles: true})); })()`)
	}
	seen := func() string {
		return browse.Value[string](b, `[document.getElementById("shown").textContent, [...document.querySelectorAll("td:not(.off)[data-axes]")].filter((c) => c.offsetWidth).length, document.querySelectorAll("tbody tr:not([data-gone])").length, [...document.querySelectorAll("thead tr:first-child th:not([data-gone])")].map((h) => h.textContent + h.colSpan).join(" "), document.querySelectorAll(".cell:not([data-gone])").length].join("; ")`)
	}
	steps := []struct{ name, value, want string }{
		{"mpm", "event", "26 of 78 cells; 26; 13; Python1 event2; 26"},
		{"mode", "daemon", "13 of 78 cells; 13; 13; Python1 event1; 13"},
		{"python", "py3.13t", "2 of 78 cells; 2; 2; Python1 event1; 2"},
		{"gil", "free", "1 of 78 cells; 1; 1; Python1 event1; 1"},
		{"mode", "*", "2 of 78 cells; 2; 1; Python1 event2; 2"},
	}
	for _, s := range steps {
		choose(s.name, s.value)
		if got := seen(); got != s.want {
			t.Errorf("with %s=%s: %s; want %s", s.name, s.value, got, s.want)
		}
	}
	b.Do(cdp.Click("#filters button"))
	b.Wait(`document.getElementById("shown").textContent === "78 of 78 cells"`)
	choose("status", "timeout")
	if got, want := browse.Value[int](b, `document.querySelectorAll(".cell:not([data-gone])").length`), rep.Count(Timeout); got != want || want == 0 {
		t.Errorf("%d timeouts are shown, want %d", got, want)
	}
	b.Do(cdp.Click("#filters button"))
	b.Wait(`document.getElementById("shown").textContent === "78 of 78 cells"`)
}

// keyboard goes through the table by keys alone.
func keyboard(t *testing.T, b *browse.Browser, rep Report) {
	at := func() string { return browse.Value[string](b, `document.activeElement.title`) }
	b.Script(`document.querySelector("td a").focus()`)
	for _, step := range []struct{ key, want string }{
		{kb.ArrowRight, "py3.9/event/daemon"}, {kb.ArrowDown, "py3.10/event/daemon"}, {kb.ArrowLeft, "py3.10/event/embedded"}, {kb.ArrowLeft, "py3.10/event/embedded"}, {kb.ArrowUp, "py3.9/event/embedded"},
	} {
		b.Do(cdp.KeyEvent(step.key))
		if got := at(); got != step.want {
			t.Errorf("at %s, want %s", got, step.want)
		}
	}
	b.Do(cdp.KeyEvent(kb.Enter))
	b.Wait(`document.getElementById("dialog").open`)
	text := browse.Value[string](b, `document.getElementById("dialog").innerText`)
	for _, want := range []string{"py3.9/event/embedded", "go tool mage matrix:run -cells=py3.9/event/embedded", "3.9.5", "20120211:133", "sha256:9b1f04c3aa17", "19 pass, 1 skip", "not root", "case-02 31 MiB before, 31 MiB after 1,000 uploads"} {
		if !strings.Contains(text, want) {
			t.Errorf("the cell does not tell %q:\n%s", want, text)
		}
	}
	b.Do(cdp.KeyEvent(kb.Escape))
	b.Wait(`!document.getElementById("dialog").open`)
	if got := at(); got != "py3.9/event/embedded" {
		t.Errorf("after Escape at %q", got)
	}
	if n := browse.Value[int](b, `[...document.querySelectorAll("pre, .wide, select, button, td a")].filter((e) => e.tabIndex !== 0).length`); n != 0 {
		t.Errorf("%d places are not reached by Tab", n)
	}
}

// withoutScript reads the page where scripts are off: a link of the table leads to
// its cell, which opens.
func withoutScript(t *testing.T, b *browse.Browser, page string) {
	before, rest, _ := strings.Cut(page, "<script>")
	_, after, found := strings.Cut(rest, "</script>")
	if !found {
		t.Fatal("there is no script to take away")
	}
	b.Open(pageOf(t, before+after), browse.Look{Width: 1280, Height: 900})
	b.Do(cdp.Click("td.pass a"))
	b.Wait(`document.querySelector(":target") && document.querySelector(":target").offsetHeight > 0`)
	b.Do(cdp.Click("td.fail a"))
	b.Wait(`document.querySelector(":target").innerText.includes("upload-slow") && document.querySelector(":target").offsetHeight > 0`)
	b.Screenshot("report-plain")
	if browse.Value[bool](b, `!!document.getElementById("filters").offsetHeight || document.getElementById("dialog").open`) {
		t.Error("what needs a script is shown")
	}
}
