package telemetry

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

//go:embed web/index.html web/page.css web/page.js web/charts.js web/icon.svg
var webFiles embed.FS

const (
	// mostFollowers is how many pages are served at once that stay open.
	mostFollowers = 16
	// renewed is how many of the seconds that a page has got it gets again: a
	// sample that was late adds to them.
	renewed = 5
	// writeTime is how long a client may take to read what it is sent.
	writeTime = 10 * time.Second
)

// policy is what a page of ours may do, whatever came to stand in it: load and
// ask what is here, and nothing else. No script in the page itself runs.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// web answers requests of browsers.
type web struct {
	store     *Store
	loopback  bool          // it is reached from this machine alone
	tick      time.Duration // between two words to a page
	followers chan struct{} // a place for each
	stop      <-chan struct{}
}

// handler is the page, the stream that it follows, and the same as a document:
// /, /events and /data.json. Both take the key of a series as ?series=.
func (s *web) handler() http.Handler {
	files, err := fs.Sub(webFiles, "web")
	if err != nil {
		panic(err) // the name above is wrong
	}
	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServerFS(files))
	mux.HandleFunc("GET /data.json", s.document)
	mux.HandleFunc("GET /events", s.follow)
	return s.guard(mux)
}

// guard refuses who did not mean to come here, and says what pages may do. A
// page of another site that has its own name lead to this machine, or asks from
// the browser of somebody on it, must not read what is told here.
func (s *web) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		switch site := r.Header.Get("Sec-Fetch-Site"); {
		case s.loopback && !local(r.Host):
			http.Error(w, "this page goes by the name localhost only", http.StatusForbidden)
		case site == "cross-site" && r.URL.Path != "/":
			http.Error(w, "not for pages of other sites", http.StatusForbidden)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// local tells whether host, with or without a port, is this machine by a name
// that nobody else can give out.
func local(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	}
	addr, err := netip.ParseAddr(name)
	return name == "localhost" || err == nil && addr.IsLoopback()
}

func (s *web) document(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	e := json.NewEncoder(w)
	_ = e.Encode(s.store.Snapshot(r.FormValue("series"), 0)) // a client that left hears nothing
}

// follow sends what is known, then each second what is new.
func (s *web) follow(w http.ResponseWriter, r *http.Request) {
	select {
	case s.followers <- struct{}{}:
		defer func() { <-s.followers }()
	default:
		w.Header().Set("Retry-After", "10")
		http.Error(w, fmt.Sprintf("%d pages are open already", mostFollowers), http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	key, control := r.FormValue("series"), http.NewResponseController(w)
	next := s.resume(r.Header.Get("Last-Event-ID"))
	tick := time.NewTicker(s.tick)
	defer tick.Stop()
	for {
		shot := s.store.Snapshot(key, next)
		text, err := json.Marshal(shot)
		if err == nil {
			err = control.SetWriteDeadline(time.Now().Add(writeTime))
		}
		if err == nil {
			last := shot.Slot - shot.Behind
			next = max(0, last-renewed)
			_, err = fmt.Fprintf(w, "id: %s-%d\ndata: %s\n\n", shot.Epoch, last, text)
		}
		if err != nil || control.Flush() != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-s.stop:
			return
		case <-tick.C:
		}
	}
}

// resume is the second after which a page that comes back has nothing, by the id
// of the last word that it got.
func (s *web) resume(id string) int64 {
	epoch, text, _ := strings.Cut(id, "-")
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || epoch != s.store.epoch {
		return 0
	}
	return max(0, n-renewed)
}
