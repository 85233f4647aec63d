package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	getter "github.com/hashicorp/go-getter/v2"

	"modwsgi/internal/hint"
)

// Limits of a download (rule G-8).
const (
	MaxDownload    = 32 << 20
	maxRedirects   = 5
	connectTimeout = 10 * time.Second
	headTimeout    = 30 * time.Second
	stallTimeout   = 30 * time.Second
	wholeTimeout   = 5 * time.Minute
)

// errors that a download ends with whatever library passes them on.
var (
	errTooLarge = fmt.Errorf("it is larger than %d bytes", MaxDownload)
	errStalled  = fmt.Errorf("nothing came for %s", stallTimeout)
)

// newHTTP is a client that follows few redirects, none to a weaker scheme, and
// that gives up on servers which send too much or nothing at all.
func newHTTP(base http.RoundTripper, stall time.Duration) *http.Client {
	if base == nil {
		base = &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: connectTimeout}).DialContext,
			TLSHandshakeTimeout:   connectTimeout,
			ResponseHeaderTimeout: headTimeout,
			ForceAttemptHTTP2:     true,
		}
	}
	return &http.Client{
		Timeout:       wholeTimeout,
		Transport:     &bounded{base: base, stall: stall},
		CheckRedirect: checkRedirect,
	}
}

func checkRedirect(next *http.Request, via []*http.Request) error {
	switch {
	case len(via) > maxRedirects:
		return fmt.Errorf("more than %d redirects", maxRedirects)
	case via[len(via)-1].URL.Scheme == "https" && next.URL.Scheme != "https":
		return fmt.Errorf("redirected from https to %s", next.URL.Scheme)
	case next.URL.User != nil:
		return errors.New("redirected to a URL with a name or password in it")
	}
	return nil
}

// bounded is a transport whose bodies end with an error when they are too large
// or stand still.
type bounded struct {
	base  http.RoundTripper
	stall time.Duration
}

func (b *bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if resp.ContentLength > MaxDownload {
		resp.Body.Close()
		return nil, errTooLarge
	}
	body := &boundedBody{from: resp.Body, left: MaxDownload, stall: b.stall}
	body.timer = time.AfterFunc(b.stall, func() {
		body.stalled.Store(true)
		body.from.Close()
	})
	resp.Body = body
	return resp, nil
}

type boundedBody struct {
	from    io.ReadCloser
	left    int64
	stall   time.Duration
	timer   *time.Timer
	stalled atomic.Bool
}

func (b *boundedBody) Read(p []byte) (int, error) {
	n, err := b.from.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, errTooLarge
	}
	if b.stalled.Load() {
		return 0, errStalled
	}
	b.timer.Reset(b.stall)
	return n, err
}

func (b *boundedBody) Close() error {
	b.timer.Stop()
	return b.from.Close()
}

// download brings the file at u to the path to. go-getter is let do this one
// thing: no detection, no unpacking, no netrc, no redirection by header
// (rule G-7). Its own limit of bytes cuts a body silently; ours is an error.
func (o Options) download(ctx context.Context, u, to string) error {
	if err := o.mayAsk(u); err != nil {
		return err
	}
	parsed, err := url.Parse(u)
	if err != nil {
		return err
	}
	query := parsed.Query()
	query.Set("archive", "false")
	parsed.RawQuery = query.Encode()
	client := getter.Client{
		Getters: []getter.Getter{&getter.HttpGetter{
			Client:                o.client(),
			Header:                http.Header{"User-Agent": {o.agent()}, "Accept-Encoding": {"identity"}},
			DoNotCheckHeadFirst:   true,
			XTerraformGetDisabled: true,
		}},
		Decompressors:   map[string]getter.Decompressor{},
		DisableSymlinks: true,
	}
	_, err = client.Get(ctx, &getter.Request{Src: parsed.String(), Dst: to, GetMode: getter.ModeFile, DisableSymlinks: true})
	if err != nil {
		return fmt.Errorf("fetching %s: %w", u, err)
	}
	return nil
}

// mayAsk says no to the network where that was asked for, and to http without a
// reason.
func (o Options) mayAsk(u string) error {
	parsed, err := url.Parse(u)
	switch {
	case err != nil:
		return err
	case o.Offline:
		return hint.Exit(hint.New(fmt.Errorf("fetching %s: the network is not to be used", u), "unset MODWSGI_OFFLINE, or give a file or folder as the source"), hint.Refused)
	case parsed.Scheme == "http" && !o.AllowHTTP:
		return hint.Exit(hint.New(fmt.Errorf("fetching %s: that is not https", u), "MODWSGI_ALLOW_HTTP=1, with a checksum"), hint.Refused)
	}
	return nil
}

func (o Options) client() *http.Client {
	if o.Client != nil {
		return o.Client
	}
	return newHTTP(nil, stallTimeout)
}

func (o Options) agent() string {
	if o.Agent != "" {
		return o.Agent
	}
	return "modwsgi"
}
