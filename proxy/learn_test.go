package proxy

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/atomicproxy/atomicproxy/proxy/session"
)

func script(text string) session.Learned {
	sum := sha1.Sum([]byte(text))
	return session.Learned{SHA1: hex.EncodeToString(sum[:]), Text: []byte(text), Command: "EVAL"}
}

// written runs the learner until its queue is empty.
func written(l *learner) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	l.run(ctx)
}

func newTestLearner(t *testing.T, dir string) *learner {
	t.Helper()
	l, err := newLearner(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// A full queue keeps nobody waiting, and what it did not take is offered again.
func TestLearnerOverflows(t *testing.T) {
	l := newTestLearner(t, t.TempDir())
	for i := range learnQueue {
		if !l.offer("a", script(strconv.Itoa(i))) {
			t.Fatalf("script %d was not taken", i)
		}
	}
	if l.offer("a", script("late")) {
		t.Error("a full queue took a script")
	}
	if recorded, overflow := l.counts(); recorded != 0 || overflow != 1 {
		t.Errorf("%d recorded, %d not", recorded, overflow)
	}
	written(l)
	if !l.offer("a", script("late")) {
		t.Error("an empty queue took nothing")
	}
	written(l)
	if recorded, overflow := l.counts(); recorded != learnQueue+1 || overflow != 1 {
		t.Errorf("%d recorded, %d not", recorded, overflow)
	}
}

// What a script's text was at the call is recorded, whatever becomes of the buffer.
func TestLearnerCopies(t *testing.T) {
	dir := t.TempDir()
	l := newTestLearner(t, dir)
	s := script("return 1")
	l.offer("a", s)
	copy(s.Text, "XXXXXX")
	written(l)
	if b, err := os.ReadFile(filepath.Join(dir, s.SHA1+".lua")); err != nil || string(b) != "return 1" {
		t.Errorf("%q, %v", b, err)
	}
}

// The directory is bounded, across restarts too.
func TestLearnerBounds(t *testing.T) {
	dir := t.TempDir()
	l := newTestLearner(t, dir)
	if !l.offer("a", script(strings.Repeat("x", learnText+1))) {
		t.Error("a script that is too long would be offered again and again")
	}
	l.offer("a", script("first"))
	written(l)
	l.size = learnBytes - 5
	l.offer("a", script("second"))
	l.offer("a", script("third"))
	written(l)
	if recorded, overflow := l.counts(); recorded != 2 || overflow != 2 {
		t.Errorf("%d recorded, %d not", recorded, overflow)
	}
	again := newTestLearner(t, dir)
	if recorded, _ := again.counts(); recorded != 2 || again.size != len("first")+len("third") {
		t.Errorf("after a restart: %d scripts of %d bytes", recorded, again.size)
	}
	again.count.Store(learnScripts)
	again.offer("a", script("more"))
	again.offer("a", script("first")) // there already: no loss
	written(again)
	if _, overflow := again.counts(); overflow != 1 {
		t.Errorf("%d not recorded", overflow)
	}
}
