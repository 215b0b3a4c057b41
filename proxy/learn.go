package proxy

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/atomicproxy/atomicproxy/commands"
	"github.com/atomicproxy/atomicproxy/proxy/session"
)

// Bounds of what raw_lua = "learn" records.
const (
	learnQueue   = 256       // scripts that wait to be written
	learnScripts = 10_000    // in the directory
	learnBytes   = 64 * mib  // of their texts together
	learnText    = 256 * kib // of one text, as much as the vetter takes
)

// learner writes each distinct script that clients send to a directory, once:
// SHA1.lua, which is its text and nothing else, and SHA1.json, which says where it
// came from. Loops hand scripts over and never wait for it.
type learner struct {
	dir      string
	log      *slog.Logger
	queue    chan learnedScript
	overflow atomic.Int64 // scripts that were not recorded: the queue, the directory or the text was too large
	count    atomic.Int64 // scripts in the directory
	size     int          // bytes of their texts; only run touches it
	told     int64        // overflows that were logged; only run touches it
}

type learnedScript struct {
	record commands.Record
	text   []byte
}

// newLearner looks at what was recorded before.
func newLearner(dir string, log *slog.Logger) (*learner, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	l := &learner{dir: dir, log: log, queue: make(chan learnedScript, learnQueue)}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".lua") {
			continue
		}
		l.count.Add(1)
		if info, err := e.Info(); err == nil {
			l.size += int(info.Size())
		}
	}
	return l, nil
}

// counts are for PROXY INFO; nil: nothing is learned.
func (l *learner) counts() (recorded, overflow int64) {
	if l == nil {
		return 0, 0
	}
	return l.count.Load(), l.overflow.Load()
}

// offer takes a script. False: the queue is full, and it is to be offered again
// when it next comes. Any goroutine; it does not wait.
func (l *learner) offer(addr string, s session.Learned) bool {
	if len(s.Text) > learnText {
		l.overflow.Add(1)
		return true // it will not become shorter
	}
	select {
	case l.queue <- learnedScript{
		text: bytes.Clone(s.Text),
		record: commands.Record{SHA1: s.SHA1, Command: s.Command, FirstSeen: time.Now().UTC().Format(time.RFC3339),
			User: s.User, Client: addr, Keys: s.Keys},
	}:
		return true
	default:
		l.overflow.Add(1)
		return false
	}
}

// run writes until ctx ends, and then what is still in the queue.
func (l *learner) run(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case s := <-l.queue:
			l.write(s)
		case <-tick.C:
			l.tell()
		case <-ctx.Done():
			for {
				select {
				case s := <-l.queue:
					l.write(s)
				default:
					l.tell()
					return
				}
			}
		}
	}
}

// tell logs what was not recorded, at most once a second.
func (l *learner) tell() {
	if n := l.overflow.Load(); n > l.told {
		l.told = n
		l.log.Warn("scripts were not recorded: too many at once, too long, or no room in the directory", "dir", l.dir, "so_far", n)
	}
}

// write records one script, unless it is there already.
func (l *learner) write(s learnedScript) {
	path := filepath.Join(l.dir, s.record.SHA1)
	if _, err := os.Stat(path + ".lua"); err == nil {
		return
	}
	if l.count.Load() >= learnScripts || l.size+len(s.text) > learnBytes {
		l.overflow.Add(1)
		return
	}
	text, err := json.MarshalIndent(s.record, "", "    ")
	if err == nil {
		err = writeNew(path+".json", append(text, '\n'))
	}
	if err == nil {
		err = writeNew(path+".lua", s.text)
	}
	if err != nil {
		l.overflow.Add(1)
		l.log.Error("a script could not be recorded", "error", err)
		return
	}
	l.count.Add(1)
	l.size += len(s.text)
	l.log.Info("script recorded", "file", path+".lua", "user", s.record.User, "client", s.record.Client)
}

// writeNew writes a file that only its owner may read, whole or not at all.
func writeNew(path string, b []byte) error {
	tmp := path + ".tmp"
	if err := os.WriteFile(tmp, b, 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}

// passesLua reports whether any script of a client's may run.
func passesLua(c *Config) bool { return c.RawLua == "allow" || c.RawLua == "learn" }

// learnScript hands a script of one of the loop's clients to the learner.
func (w *worker) learnScript(c session.Client, s session.Learned) bool {
	return w.srv.learner.offer(c.(*client).conn.RemoteAddr(), s)
}
