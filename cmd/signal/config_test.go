package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// start runs the command, which is expected to end by itself.
func start(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errOut bytes.Buffer
	code = run(&environment{t.Context(), &out, &errOut}, args)
	return code, out.String(), errOut.String()
}

func TestBadSettingsAreNamed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "signal.yaml")
	tests := []struct {
		args string
		yaml string
		want string // parts of the line, by |
	}{
		{args: "serve --listen 8080", want: `--listen "8080"|localhost:8080`},
		{args: "serve --listen localhost:http", want: `--listen "localhost:http"`},
		{args: "serve --base-path call", want: `--base-path "call/"|/call/`},
		{args: "serve --base-path /a/../b/", want: `--base-path`},
		{args: "serve --base-path /{x}/", want: `--base-path`},
		{args: "serve --origins app.example", want: `--origins|"app.example"|https://app.example`},
		{args: "serve --origins *", want: `--origins|"*"`},
		{args: "serve --turn-listen x", want: `--turn-listen "x"`},
		{args: "serve --turn-listen :3478,quic://:1", want: `--turn-listen "quic://:1"`},
		{args: "serve --turn-urls turn:call.example,http://x", want: `--turn-urls|"http://x"|turn:call.example`},
		{args: "serve --turn-urls turns:call.example?transport=udp", want: `--turn-urls|DTLS|turns:call.example:443?transport=tcp`},
		{args: "serve --public-host https://call.example", want: `--public-host "https://call.example"|call.example.org`},
		{args: "serve --lan --tls-cert a --tls-key b", want: `--lan, --tls-cert|all but one`},
		{args: "serve --lan --domain call.example.org", want: `--domain, --lan|all but one`},
		{args: "serve --domain https://call.example.org", want: `--domain "https://call.example.org"|call.example.org`},
		{args: "serve --domain 192.0.2.1", want: `--domain "192.0.2.1"`},
		{args: "serve --acme-email a@b.example", want: `--acme-email|--domain`},
		{args: "serve --strict --no-self-test", want: `--strict|--no-self-test`},
		{args: "serve --tls-cert cert.pem", want: `--tls-cert|cert.pem|--tls-key ""|give both`},
		{args: "serve --listen localhost:0 --tls-cert /nowhere.pem --tls-key " + file, want: `--tls-cert|/nowhere.pem`},
		{args: "serve --listen localhost:0 --tls-cert " + file + " --tls-key " + file, yaml: "rate: 1\n", want: `--tls-key|` + file},
		{args: "serve --turn-public-ip 0.0.0.0", want: `--turn-public-ip "0.0.0.0"|203.0.113.7`},
		{args: "serve --turn-public-ip host", want: `--turn-public-ip "host"`},
		{args: "serve --turn-secret short", want: `--turn-secret|5 characters|openssl`},
		{args: "serve --candidates host", want: `--candidates|all|no-host|relay`},
		{args: "serve --jwt-issuer x", want: `--jwt-issuer|--jwt-keys`},
		{args: "serve --jwt-keys http://id.example/keys", want: `--jwt-keys|http://id.example/keys|https`},
		{args: "serve --jwt-keys /nowhere.json", want: `--jwt-keys|/nowhere.json`},
		{args: "serve --jwt-keys " + file, yaml: "rate: 1\n", want: `--jwt-keys|JWK|` + file},
		{args: "serve --jwt-secret-file /nowhere", want: `--jwt-secret-file|/nowhere`},
		{args: "serve --jwt-secret-file " + file, yaml: "rate: 1\n", want: `--jwt-secret-file|7 characters|openssl`},
		{args: "serve --jwt-secret a-secret-for-all-to-see-in-ps-aux", want: `--jwt-secret`},
		{args: "token", want: `--jwt-secret-file|--jwt-key-file`},
		{args: "token --key-file /nowhere", want: `--jwt-key-file|/nowhere`},
		{args: "token --key-file " + file, yaml: "rate: 1\n", want: `--jwt-key-file|PEM|openssl`},
		{args: "token --ttl 0s --secret-file " + file, yaml: "0123456789abcdef0123456789abcdef\n", want: `--ttl 0s|10m`},
		{args: "token --role king --secret-file " + file, want: `--role|host|king`},
		{args: "token --room [a- --secret-file " + file, yaml: "0123456789abcdef0123456789abcdef\n", want: `[a-`},
		{args: "serve --relay half", want: `--relay|closed|open|half`},
		{args: "serve --relay-ports 9-8", want: `--relay-ports "9-8"|49152-65535`},
		{args: "serve --relay-ports 0-70000", want: `--relay-ports "0-70000"`},
		{args: "serve --resume-key short", want: `--resume-key|5 characters|openssl`},
		{args: "serve --resume-window=-1s", want: `--resume-window -1s`},
		{args: "serve --resume-window soon", want: `--resume-window|soon`},
		{args: "serve --max-peers 1", want: `--max-peers 1|2 or more`},
		{args: "serve --max-rooms 0", want: `--max-rooms 0`},
		{args: "serve --max-links=-1", want: `--max-links -1`},
		{args: "serve --max-message 10", want: `--max-message 10|4096`},
		{args: "serve --rate 0", want: `--rate 0`},
		{args: "serve --burst many", want: `--burst|many`},
		{args: "serve --max-ip-links=-1", want: `--max-ip-links -1|0 or more|SIGNAL_MAX_IP_LINKS|max-ip-links in the file`},
		{args: "serve --max-ip-sessions=-1", want: `--max-ip-sessions -1`},
		{args: "serve --max-sessions=-1", want: `--max-sessions -1`},
		{args: "serve --max-user-sessions=-1", want: `--max-user-sessions -1`},
		{args: "serve --ip-rate=-1", want: `--ip-rate -1|SIGNAL_IP_RATE`},
		{args: "serve --ip-burst 0", want: `--ip-burst 0`},
		{args: "serve --ip-room-rate=-1", want: `--ip-room-rate -1`},
		{args: "serve --ip-room-burst 0", want: `--ip-room-burst 0`},
		{args: "serve --join-rate=-1", want: `--join-rate -1`},
		{args: "serve --join-burst 0", want: `--join-burst 0`},
		{args: "serve --max-memory 1000", want: `--max-memory 1000|16777216`},
		{args: "serve --max-memory=-1", want: `--max-memory -1|SIGNAL_MAX_MEMORY`},
		{args: "serve --max-watched 0", want: `--max-watched 0`},
		{args: "serve --max-invites 0", want: `--max-invites 0`},
		{args: "serve --max-knockers 0", want: `--max-knockers 0`},
		{args: "serve --outbox 1000", want: `--outbox 1000|65536`},
		{args: "serve --max-sdp 10", want: `--max-sdp 10`},
		{args: "serve --max-metadata 10", want: `--max-metadata 10`},
		{args: "serve --max-candidates 0", want: `--max-candidates 0`},
		{args: "serve --ring-time 0s", want: `--ring-time 0s|1s or more|SIGNAL_RING_TIME`},
		{args: "serve --knock-timeout 0s", want: `--knock-timeout 0s`},
		{args: "serve --max-user-peers=-1", want: `--max-user-peers -1|0 or more`},
		{args: "serve --duplicates both --max-user-peers 1", want: `--duplicates|refuse|replace`},
		{args: "serve --duplicates replace", want: `--duplicates|--max-user-peers`},
		{args: "serve --hello-timeout 0s", want: `--hello-timeout 0s`},
		{args: "serve --ping-after 0s", want: `--ping-after 0s`},
		{args: "serve --dead-after 9s", want: `--dead-after 9s|--ping-after`},
		{args: "serve --away-after 0s", want: `--away-after 0s`},
		{args: "serve --auth-delay=-1s", want: `--auth-delay -1s`},
		{args: "serve --trusted-proxies proxy", want: `--trusted-proxies "proxy"|10.0.0.0/8|SIGNAL_TRUSTED_PROXIES|trusted-proxies in the file`},
		{args: "serve --trusted-proxies 10.0.0.0/33", want: `--trusted-proxies "10.0.0.0/33"`},
		{args: "serve --trusted-proxies ::ffff:10.0.0.1", want: `--trusted-proxies "::ffff:10.0.0.1"`},
		{args: "serve --proxy-header Via", want: `--proxy-header|Via|Forwarded`},
		{args: "serve --proxy-protocol", want: `--proxy-protocol|--trusted-proxies|SIGNAL_PROXY_PROTOCOL`},
		{args: "serve --log-level loud", want: `--log-level|loud|debug`},
		{args: "serve --log-format xml", want: `--log-format|xml|json`},
		{args: "serve --lisen x", want: `--lisen|--listen`},
		{args: "surf", want: `surf|--help`},
		{args: "serve --config /nowhere.yaml", want: `/nowhere.yaml`},
		{args: "serve --config " + file, yaml: "listen: localhost:0\nlisen: x\n", want: file + `|line 2|"lisen"|--help`},
		{args: "serve --config " + file, yaml: "rate: {a: 1}\n", want: file + `|line 1|rate`},
		{args: "serve --config " + file, yaml: "rate: [\n", want: file},
		{args: "serve --config " + file, yaml: "rate: many\n", want: `--rate|many`},
		{args: "serve --config " + file, yaml: "max-peers: 1\n", want: `--max-peers 1`},
	}
	for _, tt := range tests {
		t.Run(tt.args+tt.yaml, func(t *testing.T) {
			if err := os.WriteFile(file, []byte(tt.yaml), 0o600); err != nil {
				t.Fatal(err)
			}
			code, stdout, stderr := start(t, strings.Fields(tt.args)...)
			if code != exitUsage || stdout != "" || strings.Count(stderr, "\n") != 1 {
				t.Errorf("exit code %d, %q; want %d and one line", code, stdout+stderr, exitUsage)
			}
			for part := range strings.SplitSeq(tt.want, "|") {
				if !strings.Contains(stderr, part) {
					t.Errorf("%q does not say %q", stderr, part)
				}
			}
		})
	}
}

// parse returns the settings that args lead to.
func parse(t *testing.T, args ...string) Config {
	t.Helper()
	var c commands
	parser := kong.Must(&c, kong.DefaultEnvars("SIGNAL"), kong.Resolvers(&fileResolver{}), kong.Vars{"stateDir": stateDirText, "listen": defaultListen})
	if _, err := parser.Parse(append([]string{"serve"}, args...)); err != nil {
		t.Fatal(err)
	}
	if err := c.Serve.check(); err != nil {
		t.Fatal(err)
	}
	return c.Serve
}

func TestPrecedence(t *testing.T) {
	file := filepath.Join(t.TempDir(), "signal.yaml")
	yaml := "rate: 10\nburst: 10\nmax-peers: 10\nturn: false\norigins: [https://a.example, https://b.example]\nresume-window: 10s\n"
	if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SIGNAL_CONFIG", file)
	t.Setenv("SIGNAL_RATE", "20")
	t.Setenv("SIGNAL_BURST", "20")
	c := parse(t, "--rate", "30")
	if c.Rate != 30 || c.Burst != 20 || c.MaxPeers != 10 || c.MaxRooms != 32 {
		t.Errorf("flag %d, environment %d, file %d, default %d; want 30, 20, 10, 32", c.Rate, c.Burst, c.MaxPeers, c.MaxRooms)
	}
	if c.TURN || len(c.Origins) != 2 || c.Origins[1] != "https://b.example" || c.ResumeWindow.Seconds() != 10 {
		t.Errorf("of the file: turn %v, origins %q, window %v", c.TURN, c.Origins, c.ResumeWindow)
	}
}

func TestDefaults(t *testing.T) {
	c := parse(t)
	if !slices.Equal(c.turnListen(8080), []string{"udp://localhost:3478", "tcp://localhost:3478"}) || c.BasePath != "/" || !c.TURN || c.Relay != "closed" {
		t.Errorf("%+v", c)
	}
	if c := parse(t, "--listen", ":80", "--base-path", "/call"); c.TURNListen[0] != ":3478" || c.BasePath != "/call/" {
		t.Errorf("turn at %s, base %s", c.TURNListen, c.BasePath)
	}
	for args, want := range map[string]string{
		"": "localhost:8080", "--lan": ":8443", "--domain call.example.org": ":443", "--domain call.example.org --listen localhost:8080": "localhost:8080",
	} {
		if c := parse(t, strings.Fields(args)...); c.Listen != want {
			t.Errorf("%q: listens at %s, want %s", args, c.Listen, want)
		}
	}
	for _, tt := range []struct{ args, want string }{
		{"--listen :443 --tls-cert a --tls-key b", "udp://:3478 tcp://:3478 udp://:443"},
		{"--listen :443 --tls-cert a --tls-key b --turn-listen udp://:443", "udp://:443"},
		{"--lan", "udp://:3478 tcp://:3478"},
		{"--domain call.example.org", "udp://:3478 tcp://:3478 udp://:443"},
		{"--turn-listen :3478,tcp://[::1]:80", "udp://:3478 tcp://:3478 tcp://[::1]:80"},
	} {
		c := parse(t, strings.Fields(tt.args)...)
		if got := strings.Join(c.turnListen(443), " "); got != tt.want {
			t.Errorf("%s: TURN listens at %s, want %s", tt.args, got, tt.want)
		}
	}
}

func TestHelpHasEverySetting(t *testing.T) {
	code, stdout, stderr := start(t, "serve", "--help")
	if code != 0 || stderr != "" {
		t.Fatalf("exit code %d, %q", code, stderr)
	}
	for _, part := range []string{`--listen=HOST:PORT`, "localhost:8080", "Examples:", "$SIGNAL_TURN_PUBLIC_IP", "--[no-]turn", "--state-dir=DIR", "--max-peers=16"} {
		if !strings.Contains(stdout, part) {
			t.Errorf("the help lacks %q", part)
		}
	}
	if code, stdout, _ := start(t, "--help"); code != 0 || !strings.Contains(stdout, "serve") {
		t.Errorf("exit code %d, %q", code, stdout)
	}
}

func TestVersion(t *testing.T) {
	code, stdout, _ := start(t, "version")
	if code != 0 || !strings.HasPrefix(stdout, "signal ") || !strings.Contains(stdout, "go1.") {
		t.Errorf("exit code %d, %q", code, stdout)
	}
}
