package jwt

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling"
	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// An issuer answers for its address without a socket.
type issuer struct {
	answer func() (int, []byte)
	delay  time.Duration
	asked  int
}

func (i *issuer) RoundTrip(r *http.Request) (*http.Response, error) {
	i.asked++
	select {
	case <-time.After(max(i.delay, time.Nanosecond)): // see tick in signaling/client
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	status, body := i.answer()
	if status == 0 {
		return nil, errors.New("no route")
	}
	return &http.Response{StatusCode: status, Status: http.StatusText(status), Body: io.NopCloser(bytes.NewReader(body)), Request: r}, nil
}

func edKey(t *testing.T) ed25519.PrivateKey {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// withIssuer runs test in a bubble with the keys that it may change.
func withIssuer(t *testing.T, test func(t *testing.T, i *issuer, v *Verifier, keys map[string]any)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		keys := map[string]any{}
		i := &issuer{answer: func() (int, []byte) { return 200, set(t, keys) }}
		v := verifier(t, Config{URL: "https://id.example/keys?secret=x", Client: &http.Client{Transport: i}})
		if i.asked != 0 {
			t.Error("New fetches")
		}
		test(t, i, v, keys)
	})
}

func TestKeysAreFetchedOnce(t *testing.T) {
	withIssuer(t, func(t *testing.T, i *issuer, v *Verifier, keys map[string]any) {
		a := edKey(t)
		keys["a"] = a
		i.delay = time.Second
		begin := time.Now()
		results := make(chan error)
		for range 5 { // at once: they share it
			go func() {
				_, err := v.Authenticate(t.Context(), signaling.Hello{Token: sign(t, a, Claims{KeyID: "a"})})
				results <- err
			}()
		}
		for range 5 {
			if err := <-results; err != nil {
				t.Error(err)
			}
		}
		want(t, v, sign(t, a, Claims{}), "")
		if i.asked != 1 || time.Since(begin) != time.Second {
			t.Errorf("fetched %d times in %v", i.asked, time.Since(begin))
		}
	})
}

// TestKeyWithoutKidHidesNoFetchedKey has one key at hand, without kid, and one
// of the same type to be fetched.
func TestKeyWithoutKidHidesNoFetchedKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here, there, stranger := edKey(t), edKey(t), edKey(t)
		down := true
		i := &issuer{answer: func() (int, []byte) {
			if down {
				return 0, nil
			}
			return 200, set(t, map[string]any{"a": there})
		}}
		v := verifier(t, Config{Keys: []Key{{Value: here.Public()}}, URL: "https://id.example/keys", Client: &http.Client{Transport: i}})
		for _, kid := range []string{"", "a", "here"} {
			want(t, v, sign(t, here, Claims{KeyID: kid}), "")
		}
		if i.asked != 0 {
			t.Errorf("fetched %d times for tokens of the key at hand", i.asked)
		}
		want(t, v, sign(t, there, Claims{KeyID: "a"}), wire.CodeUnavailable)
		want(t, v, sign(t, here, Claims{}), "") // whatever the address does
		down = false
		time.Sleep(fetchEvery)
		for _, kid := range []string{"a", ""} {
			want(t, v, sign(t, there, Claims{KeyID: kid}), "")
			want(t, v, sign(t, stranger, Claims{KeyID: kid}), wire.CodeUnauthenticated)
		}
	})
}

func TestRotatedKeyIsFetched(t *testing.T) {
	withIssuer(t, func(t *testing.T, i *issuer, v *Verifier, keys map[string]any) {
		a, b := edKey(t), edKey(t)
		keys["a"] = a
		want(t, v, sign(t, a, Claims{KeyID: "a"}), "")
		keys["b"] = b
		time.Sleep(fetchEvery)
		want(t, v, sign(t, b, Claims{KeyID: "b"}), "") // not known: fetched
		want(t, v, sign(t, a, Claims{KeyID: "a"}), "") // the overlap
		delete(keys, "a")
		time.Sleep(freshFor)
		want(t, v, sign(t, a, Claims{KeyID: "a"}), wire.CodeUnauthenticated)
		want(t, v, sign(t, b, Claims{KeyID: "b"}), "")
		if i.asked != 3 {
			t.Errorf("fetched %d times", i.asked)
		}
	})
}

func TestUnknownKidsFetchSeldom(t *testing.T) {
	withIssuer(t, func(t *testing.T, i *issuer, v *Verifier, keys map[string]any) {
		keys["a"] = edKey(t)
		stranger := edKey(t)
		for range 100 {
			want(t, v, sign(t, stranger, Claims{KeyID: rand.Text()}), wire.CodeUnauthenticated)
			time.Sleep(fetchEvery / 10)
		}
		if i.asked != 10 {
			t.Errorf("fetched %d times in 100 s", i.asked)
		}
	})
}

func TestOldKeysHoldWhileTheAddressFails(t *testing.T) {
	withIssuer(t, func(t *testing.T, i *issuer, v *Verifier, keys map[string]any) {
		a, b := edKey(t), edKey(t)
		keys["a"] = a
		want(t, v, sign(t, a, Claims{KeyID: "a"}), "")
		keys["b"] = b
		works := i.answer
		for name, answer := range map[string]func() (int, []byte){
			"unreachable": func() (int, []byte) { return 0, nil },
			"500":         func() (int, []byte) { return 500, set(t, keys) },
			"not JSON":    func() (int, []byte) { return 200, []byte("<html>") },
			"no keys":     func() (int, []byte) { return 200, []byte(`{"keys":[]}`) },
			"secrets":     func() (int, []byte) { return 200, set(t, map[string]any{"b": secret}) },
			"huge":        func() (int, []byte) { return 200, append(set(t, keys), bytes.Repeat([]byte(" "), maxSet)...) },
		} {
			t.Log(name)
			i.answer = answer
			time.Sleep(freshFor)
			want(t, v, sign(t, a, Claims{KeyID: "a"}), "")
			want(t, v, sign(t, b, Claims{KeyID: "b"}), wire.CodeUnavailable)
			if err := v.Refresh(t.Context()); err == nil || strings.Contains(err.Error(), "secret=x") {
				t.Errorf("Refresh: %v", err)
			}
		}
		i.answer = works
		time.Sleep(fetchEvery)
		want(t, v, sign(t, b, Claims{KeyID: "b"}), "")
	})
}

func TestHungAddressHoldsNobodyForLong(t *testing.T) {
	withIssuer(t, func(t *testing.T, i *issuer, v *Verifier, keys map[string]any) {
		keys["a"] = edKey(t)
		i.delay = time.Hour
		begin := time.Now()
		want(t, v, sign(t, keys["a"], Claims{KeyID: "a"}), wire.CodeUnavailable)
		if d := time.Since(begin); d != fetchTimeout {
			t.Errorf("it took %v", d)
		}
		want(t, v, sign(t, keys["a"], Claims{KeyID: "a"}), wire.CodeUnavailable) // at once: it was tried
		if d := time.Since(begin); d != fetchTimeout {
			t.Errorf("it took %v", d)
		}
		time.Sleep(fetchEvery)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := v.Authenticate(ctx, signaling.Hello{Token: sign(t, keys["a"], Claims{})}); err == nil || time.Since(begin) != fetchTimeout+fetchEvery+time.Second {
			t.Errorf("%v after %v: the caller's end does not count", err, time.Since(begin))
		}
		time.Sleep(fetchTimeout)
	})
}

// TestKeysFromAnAddress fetches over HTTP, and does not follow to where others
// could write the answer.
func TestKeysFromAnAddress(t *testing.T) {
	key := edKey(t)
	mux := http.NewServeMux()
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) { w.Write(set(t, map[string]any{"a": key})) })
	mux.Handle("/moved", http.RedirectHandler("/keys", http.StatusFound))
	mux.Handle("/away", http.RedirectHandler("http://192.0.2.1/keys", http.StatusFound))
	server := httptest.NewServer(mux)
	defer server.Close()
	for path, code := range map[string]wire.Code{"/keys": "", "/moved": "", "/away": wire.CodeUnavailable, "/none": wire.CodeUnavailable} {
		want(t, verifier(t, Config{URL: server.URL + path}), sign(t, key, Claims{KeyID: "a"}), code)
	}
	if err := verifier(t, Config{URL: server.URL + "/away"}).Refresh(t.Context()); err == nil || !strings.Contains(err.Error(), "use https") {
		t.Errorf("a redirect to where the answer could be anybody's: %v", err)
	}
}
