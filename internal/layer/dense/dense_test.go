package dense_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"math/rand"
	"runtime"
	"strings"
	"testing"

	"dram/internal/layer/dense"
)

// segment is small, for the race detector is slow.
const segment = 50_000

func pack(t testing.TB, data []byte, portion int) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := dense.NewSegmented(&buf, segment)
	for len(data) > 0 {
		k := min(portion, len(data))
		if n, err := w.Write(data[:k]); n != k || err != nil {
			t.Fatalf("wrote %d of %d: %v", n, k, err)
		}
		data = data[k:]
	}
	if err := errors.Join(w.Close(), w.Close()); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func unpack(t testing.TB, packed []byte) []byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func samples() map[string][]byte {
	rnd := rand.New(rand.NewSource(1)) //nolint:gosec // reproducible on purpose
	noise := make([]byte, 80_000)
	rnd.Read(noise)
	var text bytes.Buffer
	for text.Len() < 110_000 {
		text.WriteString(strings.Repeat("word", 1+rnd.Intn(3)))
		text.WriteByte(byte(' ' + rnd.Intn(40)))
	}
	return map[string][]byte{
		"empty": nil, "one": {0}, "two": []byte("ab"), "four": []byte("aaaa"), "zeros": make([]byte, 3*segment),
		"noise": noise, "text": text.Bytes(), "mixed": append(append(bytes.Clone(noise[:70_000]), text.Bytes()[:90_000]...), noise[:70_000]...),
		"far":             append(append(bytes.Clone(noise[:1000]), noise[2000:2000+32767-1000]...), noise[:1000]...),
		"segment and one": append(bytes.Repeat([]byte("0123456789"), segment/10), 'x'),
	}
}

func TestRoundTrip(t *testing.T) {
	for name, data := range samples() {
		t.Run(name, func(t *testing.T) {
			packed := pack(t, data, 1<<30)
			if !bytes.Equal(unpack(t, packed), data) {
				t.Error("came back different")
			}
			if !bytes.Equal(packed, pack(t, data, 1_007)) {
				t.Error("the bytes depend on the portions written")
			}
		})
	}
}

func TestBytesDoNotDependOnProcessors(t *testing.T) {
	data := append(samples()["mixed"], samples()["text"]...)
	want := pack(t, data, 1<<20)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	if !bytes.Equal(want, pack(t, data, 1<<20)) {
		t.Error("the bytes depend on GOMAXPROCS")
	}
}

func TestSmallerThanOthers(t *testing.T) {
	for name, data := range samples() {
		var other bytes.Buffer
		w, err := gzip.NewWriterLevel(&other, gzip.BestCompression)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		// a segment costs its end, five bytes, and codes of its own
		if got, limit := len(pack(t, data, 1<<30)), other.Len()+100*(1+len(data)/segment); got > limit {
			t.Errorf("%s: %d bytes, the standard library %d", name, got, other.Len())
		}
	}
}

type failing struct{ after int }

func (f *failing) Write(p []byte) (int, error) {
	if f.after -= len(p); f.after < 0 {
		return 0, io.ErrShortWrite
	}
	return len(p), nil
}

func TestFailingWriter(t *testing.T) {
	data := samples()["noise"]
	for _, after := range []int{0, 10, 100, len(data)} {
		w := dense.NewWriter(&failing{after})
		_, err := w.Write(data)
		if err := errors.Join(err, w.Close()); !errors.Is(err, io.ErrShortWrite) {
			t.Errorf("after %d bytes: got %v", after, err)
		}
	}
}

func FuzzRoundTrip(f *testing.F) {
	for _, s := range []string{"", "a", "abcabcabcabc", strings.Repeat("x", 1000), "\x00\xff\x00\xff\x00\x01"} {
		f.Add([]byte(s), uint16(1))
	}
	f.Fuzz(func(t *testing.T, data []byte, repeat uint16) {
		data = bytes.Repeat(data, 1+int(repeat)%200)
		if len(data) > 1<<21 {
			return
		}
		if !bytes.Equal(unpack(t, pack(t, data, 1<<30)), data) {
			t.Error("came back different")
		}
	})
}

// The farthest match that deflate allows lies 32,768 bytes back: it is found,
// also across segments, and the one a byte farther is not taken.
func TestFarthestMatch(t *testing.T) {
	rnd := rand.New(rand.NewSource(2)) //nolint:gosec // reproducible on purpose
	for distance, found := range map[int]bool{32767: true, 32768: true, 32769: false} {
		period := make([]byte, distance)
		rnd.Read(period)
		data := bytes.Repeat(period, 5)
		packed := pack(t, data, 1<<30)
		if !bytes.Equal(unpack(t, packed), data) {
			t.Errorf("distance %d: what came out differs", distance)
		}
		if small := len(packed) < 2*distance; small != found {
			t.Errorf("distance %d: %d bytes of %d", distance, len(packed), len(data))
		}
	}
}

// What cannot be compressed grows by no more than a thousandth.
func TestNoiseDoesNotGrow(t *testing.T) {
	noise := make([]byte, 300_000)
	rand.New(rand.NewSource(3)).Read(noise) //nolint:gosec // reproducible on purpose
	if packed := pack(t, noise, 1<<30); len(packed) > len(noise)+len(noise)/1000 {
		t.Errorf("%d bytes became %d", len(noise), len(packed))
	}
}
