package robot

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/pion/interceptor"
	"github.com/pion/logging"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"github.com/seed-3a7b6cbd/signal/signaling/client"
	"github.com/seed-3a7b6cbd/signal/signaling/robot/media"
	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// Config configures a Robot. The zero Config sends sound and pictures as ana,
// over whatever path ICE finds.
type Config struct {
	// Client is for the signaling connection. Its Connect is the robot's.
	Client client.Config

	// Name is the clip that is sent. Empty means ana.
	Name string

	// Metadata is what others see of the robot. Nil means {"name": Name}.
	Metadata json.RawMessage

	// NoVideo and NoAudio leave out what is sent from the start.
	NoVideo, NoAudio bool

	// RelayOnly uses relayed candidates only, as when the server's candidate
	// policy is relay.
	RelayOnly bool

	// ICEServers chooses what to use of what the server offers, for each
	// connection; see OverTCP. Nil means all.
	ICEServers func([]wire.ICEServer) []wire.ICEServer

	// Settings adjusts pion before the first connection. By then loopback
	// candidates are included, so that calls work on a machine without network,
	// and names ending in .local, which is how browsers hide addresses, are
	// looked up.
	Settings func(*webrtc.SettingEngine)

	// Receiver configures how what arrives is judged.
	Receiver media.Config

	// OnEvent is called for each event in the room, one at a time and in order.
	// It must not call Close, which waits for it.
	OnEvent func(client.Event)
}

func (c Config) withDefaults() Config {
	c.Name = cmp.Or(c.Name, "ana")
	if c.Metadata == nil {
		c.Metadata = json.RawMessage(fmt.Sprintf(`{"name":%q}`, c.Name))
	}
	if c.ICEServers == nil {
		c.ICEServers = func(list []wire.ICEServer) []wire.ICEServer { return list }
	}
	if c.OnEvent == nil {
		c.OnEvent = func(client.Event) {}
	}
	return c
}

// OverTCP is a Config.ICEServers that leaves only TURN over TCP or TLS.
func OverTCP(list []wire.ICEServer) []wire.ICEServer {
	var chosen []wire.ICEServer
	for _, s := range list {
		s.URLs = slices.DeleteFunc(slices.Clone(s.URLs), func(u string) bool {
			return !strings.Contains(u, "transport=tcp") && !strings.HasPrefix(u, "turns:")
		})
		if len(s.URLs) > 0 {
			chosen = append(chosen, s)
		}
	}
	return chosen
}

// api builds what makes the connections, over network.
func (c Config) api(network *network) (*webrtc.API, error) {
	codecs := &webrtc.MediaEngine{}
	if err := codecs.RegisterDefaultCodecs(); err != nil {
		return nil, err
	}
	registry := &interceptor.Registry{}
	if err := registerInterceptors(codecs, registry); err != nil {
		return nil, err
	}
	var settings webrtc.SettingEngine
	settings.LoggerFactory = &logging.DefaultLoggerFactory{Writer: io.Discard, DefaultLogLevel: logging.LogLevelDisabled}
	settings.SetNet(network)
	settings.SetIncludeLoopbackCandidate(true)
	if c.RelayOnly {
		// There is nothing better to wait for.
		settings.SetRelayAcceptanceMinWait(0)
	}
	if c.Settings != nil {
		c.Settings(&settings)
	}
	return webrtc.NewAPI(
		webrtc.WithMediaEngine(codecs),
		webrtc.WithInterceptorRegistry(registry),
		webrtc.WithSettingEngine(settings),
	), nil
}

// registerInterceptors is webrtc.RegisterDefaultInterceptors without simulcast,
// of which only the mid is kept. What comes on a new track before the answer that
// announces it would else be probed for stream ids by pion: that eats its first
// packets, and a probe that still reads when the track ends never returns, since
// the end of an srtp stream wakes one of its two readers.
func registerInterceptors(codecs *webrtc.MediaEngine, registry *interceptor.Registry) error {
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo} {
		if err := codecs.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: sdp.SDESMidURI}, kind); err != nil {
			return err
		}
	}
	if err := webrtc.ConfigureNack(codecs, registry); err != nil {
		return err
	}
	if err := webrtc.ConfigureRTCPReports(registry); err != nil {
		return err
	}
	if err := webrtc.ConfigureStatsInterceptor(registry); err != nil {
		return err
	}
	return webrtc.ConfigureTWCCSender(codecs, registry)
}

// configuration is for a connection made, or restarted, now.
func (r *Robot) configuration(room *client.Room) webrtc.Configuration {
	c, conf := &r.config, webrtc.Configuration{}
	if c.RelayOnly || room.Candidates() == wire.PolicyRelay {
		conf.ICETransportPolicy = webrtc.ICETransportPolicyRelay
	}
	for _, s := range c.ICEServers(room.ICE().List) {
		server := webrtc.ICEServer{URLs: s.URLs, Username: s.Username}
		if s.Credential != "" {
			server.Credential = s.Credential
		}
		conf.ICEServers = append(conf.ICEServers, server)
	}
	return conf
}
