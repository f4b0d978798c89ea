package integration

import (
	"os"
	"testing"

	"github.com/seed-3a7b6cbd/signal/integration/browser"
	"github.com/seed-3a7b6cbd/signal/signaling/robot"
)

// A machine without a camera is in the call all the same.
func TestPageWithoutCamera(t *testing.T) {
	b := startBrowser(t, browser.Options{NoDevices: true, Wait: stepTime})
	m := newMixed(t, b, true, robot.Config{}, "", func(p *person) {
		p.wait(says(hook("problem"), "No camera found. You can join without one."))
		p.shoot("no-camera.png")
	})
	m.ana.wait(tileSays("camera", "on"))
	m.ana.wantFlow()
	m.wantStrips()
	if err := m.dee.WaitMedia(m.ctx, m.anaID(), audio); err != nil {
		t.Errorf("the robot hears nothing: %v\n%s", err, m.dump())
	}
	m.ana.Click(`[data-test=call] ` + hook("camera"))
	m.ana.wait(says(hook("toast"), "No camera found. The others do not see you."))
}

// Who has refused is told what to do about it, and need not click again.
func TestPageWithoutPermission(t *testing.T) {
	b := startBrowser(t, browser.Options{AskPermission: true, CameraFile: cameraFile(t, red), Wait: stepTime})
	var origin string
	m := newMixed(t, b, false, robot.Config{}, "", func(p *person) {
		origin = browser.Value[string](t, p.Page, `location.origin`)
		p.allow(origin, "denied")
		p.must(`location.reload()`)
		p.wait(says(hook("problem"), "Your browser blocks the camera and the microphone for this site. "+
			"Click the icon left of the address and allow them: they start here by themselves."))
		p.shoot("denied.png")
	})
	m.ana.wantFlow()
	m.wantStrips()
}

// Who allows camera and microphone after all is seen and heard.
func TestPagePermissionComesLater(t *testing.T) {
	b := startBrowser(t, browser.Options{AskPermission: true, CameraFile: cameraFile(t, red), Wait: stepTime})
	m := newMixed(t, b, true, robot.Config{}, "", func(p *person) {
		p.wait(says(hook("problem"), "camera")) // headless, an unanswered question is a no
		p.allow(browser.Value[string](t, p.Page, `location.origin`), "granted")
		p.wait(`document.querySelector("[data-test=problem]").textContent === ""`)
		p.wait(`document.querySelector("[data-test=prejoin] video").videoWidth > 0`)
	})
	m.wantMedia()
}

// allow answers what the browser asks about camera and microphone.
func (p *person) allow(origin, answer string) {
	p.t.Helper()
	for _, device := range []string{"camera", "microphone"} {
		p.SetPermission(origin, device, answer)
	}
}

// startBrowser is browser.Start, but not with -short.
func startBrowser(t *testing.T, o browser.Options) *browser.Browser {
	t.Helper()
	if testing.Short() {
		const reason = "this starts a browser, which -short leaves out: run it without"
		if os.Getenv("CI") == "true" {
			t.Fatal(reason)
		}
		t.Skip(reason)
	}
	return browser.Start(t, o)
}
