package bench

import (
	"bytes"
	"testing"
)

func TestTemplate(t *testing.T) {
	for _, tt := range []struct {
		commands [][]string
		spread   bool
		key      int
		want     string
	}{
		{[][]string{{"GET", keyName}}, false, 42, "*2\r\n$3\r\nGET\r\n$12\r\nbench:000042\r\n"},
		{[][]string{{"GET", keyName}, {"DEL", keyName}}, false, 123456, "*2\r\n$3\r\nGET\r\n$12\r\nbench:123456\r\n*2\r\n$3\r\nDEL\r\n$12\r\nbench:123456\r\n"},
		{[][]string{{"MGET", "a" + keyMark, "b" + keyMark}}, true, keyCount - 1, "*3\r\n$4\r\nMGET\r\n$7\r\na009999\r\n$7\r\nb000000\r\n"},
		{[][]string{{"PING"}}, false, 7, "*1\r\n$4\r\nPING\r\n"},
	} {
		tmpl := compile(tt.commands...)
		tmpl.spread = tt.spread
		for range 2 { // the template itself stays as it is
			if got := tmpl.append([]byte("before"), tt.key); string(got) != "before"+tt.want {
				t.Errorf("%v: %q, want %q", tt.commands, got, tt.want)
			}
		}
	}
}

// Key numbers stay within the digits, and within what fill has written.
func TestKeysExist(t *testing.T) {
	tmpl := compile([]string{"GET", keyName})
	if got := tmpl.append(nil, keyCount-1); !bytes.Contains(got, []byte("bench:009999\r\n")) {
		t.Errorf("the last key: %q", got)
	}
	for _, c := range cases() {
		if c.about == "" {
			t.Errorf("%s says nothing about itself", c.name)
		}
	}
}
