package browser

import (
	"context"
	"strings"
	"testing"
	"time"
)

// TestClickSaysWhyNot is inside the package to wait for less than Options.Wait.
func TestClickSaysWhyNot(t *testing.T) {
	b := Start(t, Options{})
	p := b.NewPage(`data:text/html,<button id=b style="position:fixed;left:20px;top:20px">b</button>`)
	for _, c := range []struct{ change, want string }{
		{`b.disabled = true`, "disabled"},
		{`b.setAttribute("aria-disabled", "true")`, "disabled"},
		{`b.inert = true`, "disabled"},
		{`b.hidden = true`, "not visible"},
		{`b.style.visibility = "hidden"`, "not visible"},
		{`b.style.opacity = 0`, "not visible"},
		{`b.style.left = "-500px"`, "outside of the viewport"},
		{`document.body.insertAdjacentHTML("beforeend", '<p id=top style="position:fixed;inset:0;margin:0">')`, "covered by p#top"},
		{`b.animate({left: ["0px", "900px"]}, {duration: 1000, iterations: Infinity}).ready`, "moving"},
		{`b.remove()`, "no such element"},
	} {
		// A document as it was before the change of the case ahead.
		const fresh = `window.saved ??= document.body.outerHTML, document.documentElement.lastChild.outerHTML = saved, window.b = document.querySelector("#b")`
		if err := p.Eval("("+fresh+", Promise.resolve(("+c.change+")).then(() => 0))", nil); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		if err := p.click(ctx, "#b"); err == nil || !strings.HasSuffix(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.change, err, c.want)
		}
		cancel()
	}
}
