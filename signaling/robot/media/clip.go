package media

import (
	"crypto/sha256"
	"embed"
	"fmt"
	"sync"
	"time"

	"github.com/pion/webrtc/v4"
)

//go:embed clips/*.ivf clips/*.ogg
var clipFiles embed.FS

// clipNames are the senders, in the order of their numbers in the strip.
var clipNames = []string{"ana", "ben", "cem", "dee", "eva", "fin"}

// A Clip is what one sender sends. It is shared and never changed.
type Clip struct {
	Name   string
	Sender int // its number in the strip
	Video  *Stream
	Audio  *Stream
}

// Stream is one kind of media of a clip: equally long frames, for ever in a loop.
type Stream struct {
	Codec  webrtc.RTPCodecCapability
	Every  time.Duration // from one frame to the next
	frames []clipFrame
}

type clipFrame struct {
	data []byte
	key  bool
}

// Len is the number of frames in the loop.
func (s *Stream) Len() int { return len(s.frames) }

// Frame returns frame k of the loop without end: an encoded VP8 frame or Opus
// packet, not to be changed.
func (s *Stream) Frame(k int) []byte { return s.frames[k%len(s.frames)].data }

// Key reports whether a decoder can begin with frame k.
func (s *Stream) Key(k int) bool { return s.frames[k%len(s.frames)].key }

// ticks is the RTP duration of a frame.
func (s *Stream) ticks() int64 {
	return int64(s.Every) * int64(s.Codec.ClockRate) / int64(time.Second)
}

// Identity is a frame's place: clip, stream and index in the loop.
type Identity struct {
	Clip  *Clip
	Kind  webrtc.RTPCodecType
	Index int
}

func (id Identity) stream() *Stream {
	if id.Kind == webrtc.RTPCodecTypeVideo {
		return id.Clip.Video
	}
	return id.Clip.Audio
}

type library struct {
	clips    []*Clip
	identity map[[sha256.Size]byte]Identity
}

// theLibrary reads the embedded files on first use. That they can be read is
// known when the tests pass, so a failure is a broken build.
var theLibrary = sync.OnceValue(func() *library {
	lib := &library{identity: map[[sha256.Size]byte]Identity{}}
	for i, name := range clipNames {
		clip, err := loadClip(i, name)
		if err != nil {
			panic(fmt.Sprintf("media: embedded clip %s: %v", name, err))
		}
		lib.add(clip)
	}
	return lib
})

func (l *library) add(clip *Clip) {
	l.clips = append(l.clips, clip)
	for i := range clip.Video.frames {
		l.identity[sha256.Sum256(clip.Video.Frame(i))] = Identity{clip, webrtc.RTPCodecTypeVideo, i}
	}
	for i := range clip.Audio.frames {
		l.identity[sha256.Sum256(clip.Audio.Frame(i))] = Identity{clip, webrtc.RTPCodecTypeAudio, i}
	}
}

// Clips returns all clips, in the order of their sender numbers.
func Clips() []*Clip { return append([]*Clip(nil), theLibrary().clips...) }

// Lookup returns the clip of the sender with this name.
func Lookup(name string) (*Clip, error) {
	for _, c := range theLibrary().clips {
		if c.Name == name {
			return c, nil
		}
	}
	return nil, fmt.Errorf("media: no clip of %q, there are %v", name, clipNames)
}

// Identify says which frame these bytes are, and false if they are of no clip.
func Identify(frame []byte) (Identity, bool) {
	id, ok := theLibrary().identity[sha256.Sum256(frame)]
	return id, ok
}

func loadClip(sender int, name string) (*Clip, error) {
	ivf, err := clipFiles.ReadFile("clips/" + name + ".ivf")
	if err != nil {
		return nil, err
	}
	video, err := parseIVF(ivf)
	if err != nil {
		return nil, err
	}
	ogg, err := clipFiles.ReadFile("clips/" + name + ".ogg")
	if err != nil {
		return nil, err
	}
	audio, err := parseOgg(ogg)
	if err != nil {
		return nil, err
	}
	return &Clip{Name: name, Sender: sender, Video: video, Audio: audio}, nil
}
