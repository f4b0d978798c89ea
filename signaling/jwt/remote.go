package jwt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"sync"
	"time"
)

const (
	freshFor     = 10 * time.Minute // a key that was withdrawn holds no longer than that
	fetchEvery   = 10 * time.Second // at most: tokens with made-up kids cost the issuer no more
	fetchTimeout = 5 * time.Second
	maxSet       = 1 << 20 // bytes
)

// remote is a JWK set behind a URL.
type remote struct {
	url    string
	client *http.Client
	log    *slog.Logger

	mu      sync.Mutex // guards the following
	keys    []Key      // of the last fetch that succeeded
	fetched time.Time  // when that began
	tried   time.Time  // when the last fetch ended
	err     error      // why the last fetch failed
	running chan struct{}
}

func newRemote(c Config) (*remote, error) {
	u, err := url.Parse(c.URL)
	if err != nil {
		return nil, fmt.Errorf("jwt: URL: %w", err)
	}
	if err := secure(u); err != nil {
		return nil, err
	}
	r := &remote{url: c.URL, client: c.Client, log: c.Logger}
	if r.client == nil {
		r.client = &http.Client{CheckRedirect: func(req *http.Request, via []*http.Request) error {
			if len(via) > 3 {
				return errors.New("jwt: too many redirects")
			}
			return secure(req.URL)
		}}
	}
	return r, nil
}

// secure refuses an address whose answer others could write.
func secure(u *url.URL) error {
	ip, err := netip.ParseAddr(u.Hostname())
	loopback := u.Hostname() == "localhost" || err == nil && ip.IsLoopback()
	if u.Host == "" || u.Scheme != "https" && !(u.Scheme == "http" && loopback) {
		return fmt.Errorf("jwt: the keys cannot be trusted from %q: use https", u.Redacted())
	}
	return nil
}

// get returns the keys, and fetches them first if they are old, or not enough
// and it is time. The error says that this would have been needed and failed.
func (r *remote) get(ctx context.Context, enough func([]Key) bool) ([]Key, error) {
	r.mu.Lock()
	fresh := r.keys != nil && time.Since(r.fetched) < freshFor
	if fresh && enough(r.keys) || r.running == nil && !r.tried.IsZero() && time.Since(r.tried) < fetchEvery {
		defer r.mu.Unlock()
		return r.keys, r.err
	}
	done := r.startLocked()
	r.mu.Unlock()
	return r.wait(ctx, done)
}

// refresh fetches the keys whatever their age.
func (r *remote) refresh(ctx context.Context) error {
	r.mu.Lock()
	done := r.startLocked()
	r.mu.Unlock()
	_, err := r.wait(ctx, done)
	return err
}

func (r *remote) wait(ctx context.Context, done <-chan struct{}) ([]Key, error) {
	select {
	case <-done:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.keys, r.err
}

// startLocked starts a fetch, unless one is running. It belongs to no caller:
// all that wait share it. It ends after fetchTimeout at the latest.
func (r *remote) startLocked() <-chan struct{} {
	if r.running == nil {
		r.running = make(chan struct{})
		go r.fetch(time.Now())
	}
	return r.running
}

func (r *remote) fetch(began time.Time) {
	ctx, cancel := context.WithTimeout(context.Background(), fetchTimeout)
	defer cancel()
	keys, err := r.load(ctx)
	if err != nil {
		r.log.Warn("the keys of tokens cannot be fetched; those of before hold", "error", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err = err; err == nil {
		r.keys, r.fetched = keys, began
	}
	r.tried = time.Now()
	close(r.running)
	r.running = nil
}

func (r *remote) load(ctx context.Context) ([]Key, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url, nil)
	if err != nil {
		return nil, fmt.Errorf("jwt: %w", err)
	}
	req.Header.Set("Accept", "application/jwk-set+json, application/json")
	resp, err := r.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("jwt: %w", hideQuery(err))
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("jwt: the keys' address answers %s", resp.Status)
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxSet+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("jwt: read the keys: %w", err)
	case len(text) > maxSet:
		return nil, fmt.Errorf("jwt: the keys' address answers more than %d bytes", maxSet)
	}
	keys, err := parseSet(text)
	if err != nil {
		return nil, err
	}
	keys = slices.DeleteFunc(keys, func(k Key) bool { _, secret := k.Value.([]byte); return secret })
	if len(keys) == 0 {
		return nil, errors.New("jwt: the keys' address has only secrets, which do not belong there")
	}
	return keys, nil
}

// hideQuery leaves out of an error the URL, whose query may be a secret.
func hideQuery(err error) error {
	var failed *url.Error
	if errors.As(err, &failed) {
		return failed.Err
	}
	return err
}
