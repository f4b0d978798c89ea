package browser

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"time"
)

// Options configures a browser. The zero Options is one with a fake camera and
// microphone that pages may use without being asked.
type Options struct {
	// Wait bounds every method that takes no context: navigation, a click that
	// waits for its element, and so on. Zero means 10 seconds.
	Wait time.Duration

	// AskPermission leaves camera and microphone to Page.SetPermission, as they
	// were before a person answered. (The automatic yes, which is the default,
	// wins over a denied permission.) Headless, an unanswered question is a no.
	AskPermission bool

	// NoDevices makes a machine without a camera. A microphone stays: Chromium
	// has no flag against that of its fake devices.
	NoDevices bool

	// CameraFPS is the frame rate of the fake camera. Zero means Chromium's 20.
	CameraFPS int

	// CameraFile is a .y4m or .mjpeg file that is played instead of the test
	// picture, over and over.
	CameraFile string

	// ShowLocalIPs gives host candidates by address, not by mDNS name.
	ShowLocalIPs bool

	// HostRules maps names, "MAP calls.test 127.0.0.1", say to have an origin
	// that is not secure.
	HostRules string

	// InsecureTLS accepts every certificate.
	InsecureTLS bool

	// Throttle keeps Chromium's throttling of hidden pages (Page.NewTab): their
	// timers run once a second from ten seconds after they were hidden.
	Throttle bool

	// Inside runs what starts programs and opens connections to them: for a
	// browser in a network namespace of its own. Nil means that nothing is
	// special. What it is given may not go on in other goroutines.
	Inside func(func() error) error

	// AllowErrors keeps uncaught errors from failing the test.
	AllowErrors bool

	// Flags are further flags for Chromium, each with its dashes.
	Flags []string
}

func (o Options) withDefaults() Options {
	o.Wait = cmp.Or(o.Wait, 10*time.Second)
	if o.Inside == nil {
		o.Inside = func(f func() error) error { return f() }
	}
	return o
}

// baseFlags keep Chromium headless, alike everywhere, and silent on the
// network: without them it asks for updates and starts slowly.
var baseFlags = []string{
	"--headless",
	"--disable-gpu",
	"--disable-quic",
	"--no-first-run",
	"--no-default-browser-check",
	"--disable-background-networking",
	"--disable-component-update",
	"--disable-default-apps",
	"--disable-extensions",
	"--disable-sync",
	"--disable-breakpad",
	"--disable-dev-shm-usage", // /dev/shm has 64 MB in a container
	"--hide-scrollbars",
	"--window-size=1280,800",
}

// unthrottled are the flags by which hidden pages run at full speed.
var unthrottled = []string{
	"--disable-background-timer-throttling",
	"--disable-renderer-backgrounding",
	"--disable-backgrounding-occluded-windows",
}

// offFeatures talk to the outside or put things over the page.
var offFeatures = []string{"Translate", "OptimizationHints", "MediaRouter"}

// featuresFlag may stand only once: of several, Chromium reads the last.
const featuresFlag = "--disable-features="

// flags returns the command line for a profile in the directory given.
func (o Options) flags(profile string) []string {
	flags := append([]string{"--user-data-dir=" + profile}, baseFlags...)
	if os.Geteuid() == 0 {
		flags = append(flags, "--no-sandbox") // it refuses to start as root otherwise
	}
	if !o.Throttle {
		flags = append(flags, unthrottled...)
	}
	flags = append(flags, o.mediaFlags()...)
	if o.HostRules != "" {
		flags = append(flags, "--host-resolver-rules="+o.HostRules)
	}
	off := append([]string(nil), offFeatures...)
	if o.ShowLocalIPs {
		off = append(off, "WebRtcHideLocalIpsWithMdns")
	}
	for _, flag := range o.Flags {
		if more, ok := strings.CutPrefix(flag, featuresFlag); ok {
			off = append(off, more)
		} else {
			flags = append(flags, flag)
		}
	}
	return append(flags, featuresFlag+strings.Join(off, ","))
}

func (o Options) mediaFlags() []string {
	device := "--use-fake-device-for-media-stream"
	switch {
	case o.NoDevices:
		device += "=device-count=0"
	case o.CameraFPS != 0:
		device += fmt.Sprintf("=fps=%d", o.CameraFPS)
	}
	flags := []string{device}
	if o.CameraFile != "" {
		flags = append(flags, "--use-file-for-fake-video-capture="+o.CameraFile)
	}
	if !o.AskPermission {
		flags = append(flags, "--use-fake-ui-for-media-stream")
	}
	return flags
}

// dial opens a connection to a program that was started.
func (o Options) dial(ctx context.Context, network, addr string) (conn net.Conn, err error) {
	err = o.Inside(func() error {
		var d net.Dialer
		conn, err = d.DialContext(ctx, network, addr)
		return err
	})
	return conn, err
}

// capabilities returns what a new session asks chromedriver for.
func (o Options) capabilities(p programs, profile string) map[string]any {
	return map[string]any{
		"webSocketUrl":        true,
		"acceptInsecureCerts": o.InsecureTLS,
		// A page that asks whether to leave must not hold a test up.
		"unhandledPromptBehavior": map[string]string{"beforeUnload": "accept", "default": "dismiss"},
		"goog:chromeOptions": map[string]any{
			"binary": p.chromium,
			"args":   o.flags(profile),
		},
	}
}

// throttling returns a program that runs Chromium without the flags that end
// throttling. chromedriver adds them by itself, its excludeSwitches being deaf
// to one of them.
func throttling(chromium string) string {
	return `#!/bin/sh
for arg; do
	shift
	case "$arg" in
	` + strings.Join(unthrottled, "|") + `) ;;
	*) set -- "$@" "$arg" ;;
	esac
done
exec "` + chromium + `" "$@"
`
}
