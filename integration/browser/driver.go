package browser

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"time"
)

// pipeWait is how long the end of every process is waited for. They are killed:
// it is over in milliseconds unless the machine is out of breath.
const pipeWait = 5 * time.Second

// guarded runs its arguments until they end or nobody holds the other end of
// descriptor 3 any more, and ends the whole process group then. Chromium
// survives the end of chromedriver; so nothing is left even of a test binary
// that was killed or ran into its -timeout, where no cleanup runs.
const guarded = `{ read -r _; kill -KILL 0; } <&3 & exec "$@" 3<&-`

// programs are the executables a browser needs.
type programs struct{ shell, chromium, driver string }

// find looks for the programs in PATH. Its error says how to get them.
func find() (programs, error) {
	var p programs
	var missing []string
	look := func(path *string, names ...string) {
		for _, name := range names {
			if found, err := exec.LookPath(name); err == nil {
				*path = found
				return
			}
		}
		missing = append(missing, names[0])
	}
	look(&p.shell, "sh")
	look(&p.chromium, "chromium", "google-chrome")
	look(&p.driver, "chromedriver")
	if missing == nil {
		return p, nil
	}
	return p, fmt.Errorf("%s not found in PATH: run .ci/install, or apt-get install chromium chromium-driver",
		strings.Join(missing, ", "))
}

// driver is a running chromedriver, the browser it has started included.
type driver struct {
	opts  Options
	cmd   *exec.Cmd
	guard *os.File // closed to end the process group
	out   *driverOutput
	ended chan struct{} // closed when no process is left
}

// startDriver runs chromedriver on a free port; stop must be called. What it and
// the browser leave behind is in dir.
func startDriver(p programs, dir string, o Options) (*driver, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer read.Close()
	d := &driver{
		opts:  o,
		cmd:   exec.Command(p.shell, "-c", guarded, "sh", p.driver, "--port=0"),
		guard: write,
		out:   &driverOutput{port: make(chan string, 1)},
		ended: make(chan struct{}),
	}
	d.cmd.Env = append(d.cmd.Environ(), "TMPDIR="+dir)
	// Chromium inherits the output, so that Wait, which reads it to its end,
	// waits for all processes and the profile can be removed safely.
	d.cmd.Stdout, d.cmd.Stderr = d.out, d.out
	d.cmd.ExtraFiles = []*os.File{read}
	d.cmd.WaitDelay = pipeWait
	ownGroup(d.cmd)
	if err := o.Inside(d.cmd.Start); err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", p.driver, err), write.Close())
	}
	go func() {
		defer close(d.ended)
		_ = d.cmd.Wait() // it is killed: its status says nothing
	}()
	return d, nil
}

// stop ends chromedriver and all that it has started, and waits for that.
func (d *driver) stop() {
	d.guard.Close()
	<-d.ended
}

// newSession starts the browser and returns the address of its BiDi socket.
func (d *driver) newSession(ctx context.Context, capabilities map[string]any) (string, error) {
	var port string
	select {
	case port = <-d.out.port:
	case <-d.ended:
		return "", fmt.Errorf("chromedriver ended: %s", d.out)
	case <-ctx.Done():
		return "", fmt.Errorf("chromedriver does not start: %w: %s", context.Cause(ctx), d.out)
	}
	body, err := json.Marshal(map[string]any{
		"capabilities": map[string]any{"alwaysMatch": capabilities},
	})
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://127.0.0.1:"+port+"/session", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Close = true // no idle connection with its goroutines stays behind
	client := http.Client{Transport: &http.Transport{DialContext: d.opts.dial}}
	resp, err := client.Do(req)
	if err != nil {
		return "", fmt.Errorf("new session: %w: %s", err, d.out)
	}
	defer resp.Body.Close()
	var answer struct {
		Value struct {
			Error        string `json:"error"`
			Message      string `json:"message"`
			Capabilities struct {
				WebSocketURL string `json:"webSocketUrl"`
			} `json:"capabilities"`
		} `json:"value"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return "", fmt.Errorf("new session: %s: %w", resp.Status, err)
	}
	if v := answer.Value; v.Capabilities.WebSocketURL == "" {
		return "", fmt.Errorf("new session: %s %s: %s", v.Error, v.Message, d.out)
	}
	return answer.Value.Capabilities.WebSocketURL, nil
}

// driverOutput keeps the beginning of what chromedriver and Chromium print, and
// finds the port in it.
type driverOutput struct {
	port chan string // gets the port once

	mu    sync.Mutex // guards the following
	text  []byte
	found bool
}

// maxOutput is enough for the lines that tell why a browser does not start.
const maxOutput = 16 << 10

var portLine = regexp.MustCompile(`started successfully on port (\d+)\.`)

func (o *driverOutput) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text = append(o.text, p[:min(len(p), maxOutput-len(o.text))]...)
	if m := portLine.FindSubmatch(o.text); m != nil && !o.found {
		o.found = true
		o.port <- string(m[1])
	}
	return len(p), nil
}

func (o *driverOutput) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.TrimSpace(string(o.text))
}
