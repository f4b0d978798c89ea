package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed-3a7b6cbd/signal/integration/browser"
)

// testToken has a server that wants tokens: who comes by a link with one is in,
// also after a reload, and the address does not keep it.
func testToken(t *testing.T, s site) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("thirty-two bytes that nobody can guess"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.server = serveSignal(t, s.program, "--jwt-secret-file", secret)
	token := func(args ...string) string {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), s.program, append([]string{"token", "--jwt-secret-file", secret}, args...)...).Output()
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(out))
	}
	room := roomOf(t)
	url := s.server.page(room, "debug=1")
	link := url + "#token=" + token("--user", "ana", "--room", room)
	ana := joinAs(t, s.red, link, "Ana")
	ben := joinAs(t, s.blue, url+"#token="+token("--user", "ben"), "Ben")
	wantCall(ana, ben)
	if got := browser.Value[string](t, ana.Page, `location.href`); got != url {
		t.Errorf("the address is %s, want %s", got, url)
	}
	ana.must(`location.reload()`)
	ana.wait(`document.querySelector("[data-test=prejoin]") !== null`)
	ana.join("")
	wantCall(ana, ben)

	eve := visit(t, s.red, url)
	eve.ask("Eve")
	eve.wantNotice("unauthenticated", "a token is needed")
	other := visit(t, s.red, s.server.page("other", "debug=1")+"#token="+token("--user", "ana", "--room", room))
	other.ask("Ana")
	other.wantNotice("forbidden", `your token does not allow room "other"`)
	if strings.Contains(s.server.stderr.String(), "eyJ") {
		t.Errorf("the log has a token:\n%s", s.server.stderr)
	}
}
