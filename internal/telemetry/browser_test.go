package telemetry

import (
	"fmt"
	"strings"
	"testing"
	"time"

	cdp "github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"modwsgi/internal/browse"
)

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
	b := browse.Start(t)
	r := start(t)
	r.history()
	for _, look := range []browse.Look{
		{Name: "light", Width: 1280, Height: 900}, {Name: "dark", Width: 1280, Height: 900, Dark: true},
		{Name: "phone", Width: 360, Height: 740}, {Name: "phone-dark", Width: 360, Height: 740, Dark: true},
	} {
		b.Open(r.URL(), look)
		b.Wait(`document.querySelectorAll("#slow tbody tr").length === 8`)
		b.Wait(`document.getElementById("state").textContent === "Live"`)
		if wide := browse.Value[int64](b, "document.documentElement.scrollWidth"); wide > look.Width {
			t.Errorf("%s: the page is %d wide", look.Name, wide)
		}
		if low := b.LowContrast(); len(low) > 0 {
			t.Errorf("%s: too little contrast: %v", look.Name, low)
		}
		if moves := browse.Value[int](b, "document.getAnimations().length"); moves != 0 {
			t.Errorf("%s: %d things move", look.Name, moves)
		}
		b.Screenshot(look.Name)
	}
	if title := browse.Value[string](b, "document.title"); title != "Telemetry – mod_wsgi" {
		t.Errorf("a script of a client ran: %s", title)
	}
	if n := browse.Value[int](b, `document.querySelectorAll("td *, script:not([src]), iframe, img").length`); n != 0 {
		t.Errorf("%d elements that no page of ours has", n)
	}
	text := browse.Value[string](b, `document.getElementById("slow").innerText`)
	for _, path := range hostilePaths[:5] {
		if !strings.Contains(text, path) {
			t.Errorf("%s is not shown as it is", path)
		}
	}
	keyboard(t, b)
	choice(t, b, r)
}

// keyboard goes through a chart with the arrow keys.
func keyboard(t *testing.T, b *browse.Browser) {
	t.Helper()
	label := func() string {
		return browse.Value[string](b, `document.activeElement.getAttribute("aria-label")`)
	}
	b.Script(`document.querySelector("figure > svg").focus()`)
	b.Do(cdp.KeyEvent(kb.ArrowLeft), cdp.KeyEvent(kb.ArrowLeft))
	if got := label(); !strings.HasPrefix(got, "Requests per second: all 1") || !strings.HasSuffix(got, "s ago") {
		t.Errorf("after two steps to the left: %q", got)
	}
	b.Do(cdp.KeyEvent(kb.Escape))
	if got := label(); strings.Contains(got, "ago") {
		t.Errorf("after Escape: %q", got)
	}
	unreached := browse.Value[[]string](b, `[...document.querySelectorAll("select, button, figure > svg, .wide")].filter((e) => e.tabIndex !== 0).map((e) => e.id || e.tagName)`)
	if len(unreached) > 0 {
		t.Errorf("not reached by Tab: %v", unreached)
	}
}

// choice looks at one process, pauses, and has the service end.
func choice(t *testing.T, b *browse.Browser, r *running) {
	t.Helper()
	b.Script(`(() => { const s = document.getElementById("series"); s.value = "process:host/site/102"; s.dispatchEvent(new Event("change")); })()`)
	want := 0
	for i := range 120 {
		want += 50 + i%11
	}
	b.Wait(fmt.Sprintf(`document.getElementById("figure-requests").lastChild.textContent === (%d).toLocaleString("en")`, want))
	b.Do(cdp.Click("#pause"))
	b.Wait(`document.getElementById("state").textContent === "Paused"`)
	r.end()
	b.Wait(`document.getElementById("state").dataset.state === "lost"`)
}
