package proxy

import "testing"

func TestParseSize(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "512": 512, "512B": 512, "1KiB": 1024, "64MiB": 64 << 20, "2 GiB": 2 << 30, "9223372036854775807": 1<<63 - 1,
	} {
		if got, err := ParseSize(text); err != nil || got != want {
			t.Errorf("%q: %d, %v; want %d", text, got, err, want)
		}
	}
	for _, bad := range []string{"", "-1", "+1", "1.5MiB", "64MB", "64mib", "MiB", "1  MiB", " 1", "9223372036854775808", "8589934592GiB", "0x10"} {
		if got, err := ParseSize(bad); err == nil {
			t.Errorf("%q: %d", bad, got)
		}
	}
}

func TestFormatSize(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 1: "1B", 1023: "1023B", 1024: "1KiB", 1536: "1536B", 64 << 20: "64MiB", 3 << 30: "3GiB", -1: "-1"} {
		got := FormatSize(n)
		if got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
		if back, err := ParseSize(got); n >= 0 && (err != nil || back != n) {
			t.Errorf("%d: %s reads back as %d, %v", n, got, back, err)
		}
	}
}
