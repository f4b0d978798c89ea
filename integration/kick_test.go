package integration

import (
	"fmt"
	"testing"

	"github.com/seed-3a7b6cbd/signal/integration/browser"
	"github.com/seed-3a7b6cbd/signal/signaling/robot"
	"github.com/seed-3a7b6cbd/signal/signaling/signalingtest"
	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// Who is taken out of a room and does not want to know goes on sending, over the
// direct path, where no server is. The page and the robot close that path: nothing
// of it is shown, or decoded.
func TestKickedPeerIsNeitherShownNorDecoded(t *testing.T) {
	b := startBrowser(t, browser.Options{CameraFile: cameraFile(t, red), Wait: stepTime})
	noLeaks(t)
	srv := signalingtest.NewServer(t)
	m := &mixed{scene: newScene(t, srv.URL)}
	evasWire := newDefiantWire(t, m.notify)
	m.dee = m.join("dee", nil) // the host
	m.ana = visit(t, b, srv.PageURL+"?room=stage&debug=1")
	m.ana.join("Ana")
	m.wantMedia()
	m.deaf = true
	eva := m.join("eva", evasWire.defy)
	m.dee.waitCall(eva, audio, video)

	evasTile := fmt.Sprintf(`document.querySelector("[data-peer='%s']")`, eva.ID())
	m.ana.wait(evasTile + `?.dataset.state === "connected"`)
	m.ana.must(`!!(window.eva = signalRoom.participants.get("` + eva.ID() + `").connection)`)
	const decoded = `eva.getStats().then((s) => [...s.values()].reduce((n, r) => n + (r.type === "inbound-rtp" ? r.framesDecoded ?? 0 : 0), 0))`
	// What she sends is looked at beside her tile as well, which only goes.
	m.ana.must(`!!(window.spy = Object.assign(document.createElement("video"), {muted: true, shown: 0,
		srcObject: new MediaStream(eva.getReceivers().map((r) => r.track))}))`)
	m.ana.must(`!!((function look() { spy.requestVideoFrameCallback(() => { spy.shown++; look(); }); })() ?? spy.play())`)
	m.ana.wait(`spy.shown > 10`)
	m.ana.wait(decoded + `.then((n) => n > 10)`)
	ways := map[string]string{}
	for name, id := range map[string]string{"Ana": m.anaID(), "dee": m.dee.ID()} {
		path, err := eva.SelectedPair(id)
		if err != nil || path.Relayed() {
			t.Fatalf("eva's path to %s is %+v, %v, want a direct one", name, path, err)
		}
		ways[name] = path.RemoteAddress
	}

	if err := m.dee.Room().Kick(m.ctx, eva.ID(), "enough"); err != nil {
		t.Fatal(err)
	}
	m.dee.waitEvent("left eva kicked")
	m.until("the robot has closed its connection with eva", func() bool { return m.dee.peer(eva).State == "" })
	m.ana.wait(evasTile + ` === null`)
	m.ana.wait(`eva.connectionState === "closed"`)
	m.ana.wait(`eva.getReceivers().every((r) => r.track.readyState === "ended")`)
	goesOn := func(n int) {
		t.Helper()
		for name, addr := range ways {
			before := evasWire.sentTo(addr)
			m.until("eva goes on sending to "+name, func() bool { return evasWire.sentTo(addr) > before+n })
		}
	}
	goesOn(100) // a picture that was decoded before is shown with the page's next frame
	shown, frames := browser.Value[int](t, m.ana.Page, `spy.shown`), m.dee.framesOf(eva)
	goesOn(300)
	m.wantMedia() // of those who are left
	if now := browser.Value[int](t, m.ana.Page, `spy.shown`); now != shown {
		t.Errorf("%d pictures of eva were shown behind the kick", now-shown)
	}
	if n := browser.Value[int](t, m.ana.Page, decoded); n != 0 {
		t.Errorf("a closed connection has decoded %d pictures; it should have nothing that decodes", n)
	}
	if now := m.dee.framesOf(eva); now != frames {
		t.Errorf("the robot had %d frames of eva behind the kick", now-frames)
	}
	if peers := m.dee.Room().Peers(); len(peers) != 1 || peers[0].ID != m.anaID() {
		t.Errorf("the robot sees %+v", peers)
	}
}

// framesOf is how many frames have come from another.
func (a *actor) framesOf(b *actor) (n int) {
	a.scene.t.Helper()
	for _, track := range a.peer(b).Tracks {
		n += track.Frames
	}
	return n
}

// A viewer that sends all the same is not played, and heard again when it may be.
func TestWhatAViewerSendsIsNotPlayed(t *testing.T) {
	noLeaks(t)
	s := newScene(t, signalingtest.NewServer(t).URL)
	ana := s.join("ana", nil)
	s.deaf = true
	evasWire := newDefiantWire(t, s.notify)
	eva := s.join("eva", func(c *robot.Config) { evasWire.defy(c) })
	s.calling(audio, video)
	path, err := eva.SelectedPair(ana.ID())
	if err != nil {
		t.Fatal(err)
	}
	sends := func(n int) {
		t.Helper()
		before := evasWire.sentTo(path.RemoteAddress)
		s.until("eva goes on sending", func() bool { return evasWire.sentTo(path.RemoteAddress) > before+n })
	}
	if err := ana.Room().SetRole(s.ctx, eva.ID(), wire.RoleViewer); err != nil {
		t.Fatal(err)
	}
	ana.waitEvent("updated eva")
	sends(100) // what was on its way has come
	frames := ana.framesOf(eva)
	sends(300)
	if now := ana.framesOf(eva); now != frames {
		t.Errorf("%d frames of a viewer were played", now-frames)
	}
	if err := ana.Room().SetRole(s.ctx, eva.ID(), wire.RoleParticipant); err != nil {
		t.Fatal(err)
	}
	s.until("eva is heard again", func() bool { return ana.framesOf(eva) > frames+20 })
	if report := ana.peer(eva); report.Connections != 1 {
		t.Errorf("%d connections, want 1", report.Connections)
	}
}
