package integration

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// A fake camera's picture: small, since every frame of it is encoded in software.
const (
	cameraWidth  = 320
	cameraHeight = 180
	cameraFrames = 30 // a loop of two seconds
	barWidth     = 20
)

// yuv is a colour as cameras have it.
type yuv struct{ y, u, v byte }

var (
	red   = yuv{81, 90, 240}
	blue  = yuv{41, 240, 110}
	white = yuv{235, 128, 128}
)

// cameraFile writes a film for Chromium's fake camera: one colour, with a white
// bar that wanders along the lower half. So two people look different, to a
// test as well as to a person, and a picture that stands still is seen to.
func cameraFile(t *testing.T, colour yuv) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "camera.y4m")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	w := bufio.NewWriter(file)
	fmt.Fprintf(w, "YUV4MPEG2 W%d H%d F15:1 Ip A1:1 C420jpeg\n", cameraWidth, cameraHeight)
	for frame := range cameraFrames {
		fmt.Fprintln(w, "FRAME")
		bar := frame * (cameraWidth - barWidth) / cameraFrames
		writePlane(w, 1, bar, colour.y, white.y)
		writePlane(w, 2, bar, colour.u, white.u)
		writePlane(w, 2, bar, colour.v, white.v)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return path
}

// writePlane writes one of a frame's planes, which has every scale-th sample.
func writePlane(w *bufio.Writer, scale, bar int, colour, white byte) {
	for y := range cameraHeight / scale {
		for x := range cameraWidth / scale {
			sample := colour
			if y*scale >= cameraHeight/2 && x*scale >= bar && x*scale < bar+barWidth {
				sample = white
			}
			_ = w.WriteByte(sample) // Flush tells
		}
	}
}
