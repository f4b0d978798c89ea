package media

import (
	"bytes"
	"fmt"
	"image"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
)

func TestClipsAreLoops(t *testing.T) {
	for i, clip := range Clips() {
		if clip.Sender != i || clip.Name != clipNames[i] {
			t.Errorf("clip %d is %s with number %d", i, clip.Name, clip.Sender)
		}
		video, audio := clip.Video, clip.Audio
		if video.Len() != 80 || video.Every != 50*time.Millisecond || video.ticks() != 4500 {
			t.Errorf("%s: %d frames of %v (%d ticks), want 80 of 50ms (4500)", clip.Name, video.Len(), video.Every, video.ticks())
		}
		if audio.Len() != 200 || audio.Every != 20*time.Millisecond || audio.ticks() != 960 {
			t.Errorf("%s: %d packets of %v (%d ticks), want 200 of 20ms (960)", clip.Name, audio.Len(), audio.Every, audio.ticks())
		}
		if !bytes.Equal(video.Frame(80), video.Frame(0)) {
			t.Errorf("%s: does not loop", clip.Name)
		}
	}
}

func TestKeyframesComeEachSecond(t *testing.T) {
	for _, clip := range Clips() {
		several := 0
		for k := range clip.Video.Len() {
			h, err := parseVP8Header(clip.Video.Frame(k))
			if err != nil || !h.shown || h.key != (k%20 == 0) {
				t.Errorf("%s: frame %d: %+v, %v", clip.Name, k, h, err)
			}
			if h.key && (h.width != Width || h.height != Height) {
				t.Errorf("%s: frame %d is %dx%d", clip.Name, k, h.width, h.height)
			}
			if len(clip.Video.Frame(k)) > 1200 {
				several++
			}
		}
		if several < 4 {
			t.Errorf("%s: %d frames need several packets, want the keyframes to", clip.Name, several)
		}
	}
}

func TestFramesAreUnique(t *testing.T) {
	want := 0
	for _, clip := range Clips() {
		want += clip.Video.Len() + clip.Audio.Len()
		for k := range clip.Video.Len() {
			if id, ok := Identify(clip.Video.Frame(k)); !ok || id != (Identity{clip, webrtc.RTPCodecTypeVideo, k}) {
				t.Errorf("%s: frame %d is taken for %+v", clip.Name, k, id)
			}
		}
		for k := range clip.Audio.Len() {
			if id, ok := Identify(clip.Audio.Frame(k)); !ok || id != (Identity{clip, webrtc.RTPCodecTypeAudio, k}) {
				t.Errorf("%s: packet %d is taken for %+v", clip.Name, k, id)
			}
		}
	}
	if got := len(theLibrary().identity); got != want {
		t.Errorf("%d frames have %d hashes", want, got)
	}
}

func TestLookup(t *testing.T) {
	if c, err := Lookup("dee"); err != nil || c.Sender != 3 {
		t.Errorf("Lookup(dee) = %v, %v", c, err)
	}
	if _, err := Lookup("zoe"); err == nil {
		t.Error("found a clip of zoe")
	}
}

// TestPicturesSayWhatTheyAre decodes every frame and reads its strip: in the
// picture's own size, and in that of a tile on a page.
func TestPicturesSayWhatTheyAre(t *testing.T) {
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("ffmpeg is needed to decode the clips: apt-get install ffmpeg")
		}
		t.Skip("no ffmpeg to decode the clips with: apt-get install ffmpeg")
	}
	for _, clip := range Clips() {
		wantStrips(t, clip, image.Pt(Width, Height))
	}
	for _, size := range []image.Point{{213, 120}, {640, 360}} {
		wantStrips(t, Clips()[0], size)
	}
}

func wantStrips(t *testing.T, clip *Clip, size image.Point) {
	t.Helper()
	for k, p := range decode(t, clip.Name, size) {
		if sender, frame, err := ReadStrip(p); err != nil || sender != clip.Sender || frame != k {
			t.Fatalf("%s at %v: frame %d reads as sender %d, frame %d, %v", clip.Name, size, k, sender, frame, err)
		}
	}
}

func decode(t *testing.T, name string, size image.Point) []image.Image {
	t.Helper()
	raw, err := exec.CommandContext(t.Context(), "ffmpeg", "-loglevel", "error", "-threads", "1", "-i", "clips/"+name+".ivf",
		"-vf", fmt.Sprintf("scale=%d:%d", size.X, size.Y), "-f", "rawvideo", "-pix_fmt", "rgba", "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	var pictures []image.Image
	for n := 4 * size.X * size.Y; len(raw) >= n; raw = raw[n:] {
		pictures = append(pictures, &image.RGBA{Pix: raw[:n], Stride: 4 * size.X, Rect: image.Rectangle{Max: size}})
	}
	if len(pictures) != 80 || len(raw) != 0 {
		t.Fatalf("%s: %d pictures and %d bytes, want 80", name, len(pictures), len(raw))
	}
	return pictures
}

func TestStripRefusesOtherPictures(t *testing.T) {
	r := image.Rect(0, 0, Width, Height)
	white := image.NewGray(r)
	for i := range white.Pix {
		white.Pix[i] = 255
	}
	for name, p := range map[string]image.Image{"black": image.NewGray(r), "white": white, "tiny": image.NewGray(image.Rect(0, 0, 1, 1))} {
		if s, f, err := ReadStrip(p); err == nil {
			t.Errorf("%s: reads as sender %d, frame %d", name, s, f)
		}
	}
	for i := range stripBlocks { // a block that is misread is noticed
		bits := StripBits(5, 79)
		bits[i] = !bits[i]
		if s, f, err := ReadStrip(drawn(bits)); err == nil {
			t.Errorf("block %d turned: reads as sender %d, frame %d", i, s, f)
		}
	}
}

func drawn(bits [stripBlocks]bool) image.Image {
	p := image.NewGray(image.Rect(0, 0, Width, Height))
	for y := stripTop; y < Height; y++ {
		for x := range Width {
			if bits[x/16] {
				p.Pix[y*p.Stride+x] = 255
			}
		}
	}
	return p
}

func FuzzReadStrip(f *testing.F) {
	f.Add(0, 0)
	f.Add(15, 1023)
	f.Fuzz(func(t *testing.T, sender, frame int) {
		sender, frame = sender&15, frame&1023
		s, k, err := ReadStrip(drawn(StripBits(sender, frame)))
		if err != nil || s != sender || k != frame {
			t.Errorf("sender %d, frame %d reads as %d, %d, %v", sender, frame, s, k, err)
		}
	})
}

func FuzzParseIVF(f *testing.F) {
	data, err := clipFiles.ReadFile("clips/ana.ivf")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(data[:60])
	f.Add([]byte("DKIF\x00\x00\x20\x00VP80\x00\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := parseIVF(data)
		if err == nil && (s.Len() == 0 || !s.Key(0) || s.ticks() <= 0) {
			t.Errorf("took a stream of %d frames of %v", s.Len(), s.Every)
		}
	})
}

func FuzzParseOgg(f *testing.F) {
	data, err := clipFiles.ReadFile("clips/ana.ogg")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(data[:200])
	f.Fuzz(func(t *testing.T, data []byte) {
		if s, err := parseOgg(data); err == nil && s.Len() == 0 {
			t.Error("took a stream without packets")
		}
	})
}
