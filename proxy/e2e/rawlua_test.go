package e2e

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/atomicproxy/atomicproxy/commands"
	"github.com/atomicproxy/atomicproxy/proxy/internal/redistest"
	"github.com/redis/go-redis/v9"
)

const (
	listedText   = "return {KEYS[1], ARGV[1]}"
	unlistedText = "return redis.call('FLUSHALL')"
)

func shaOf(text string) string {
	sum := sha1.Sum([]byte(text))
	return hex.EncodeToString(sum[:])
}

// vetting is a proxy that lets applications run listedText, in front of s.
func vetting(t *testing.T, s *redistest.Server) *running {
	t.Helper()
	cfg := before(s)
	cfg.RawLua, cfg.Scripts.ApplicationDir = "vetted", newShelf(t).put("listed.lua", listedText).lock().dir
	return startReady(t, cfg)
}

const (
	listedReply = "*2\r\n$1\r\nk\r\n$1\r\nv\r\n"
	noScript    = "-NOSCRIPT No matching script. Please use EVAL.\r\n"
)

// notVetted is the refusal of a script.
func notVetted(sha string) string {
	return "-DENIED script " + sha + " is not on the list of vetted scripts: to allow it, review it and put its text into scripts.application_dir of the proxy (see docs/operators.md); nothing was executed\r\n"
}

// TestVettedLua goes through everything by which a client can bring Lua, in front
// of every server.
func TestVettedLua(t *testing.T) {
	redistest.Each(t, func(t *testing.T, s *redistest.Server) {
		r := vetting(t, s)
		c := r.dial(t)
		sha, other := shaOf(listedText), shaOf(unlistedText)
		recent := !strings.HasPrefix(s.Dial(t).Do("EVAL_RO", "return 1", "0"), "-ERR unknown")
		c.must("+OK\r\n", "SET", "safe", "v")
		for _, tt := range []struct {
			want string
			call []string
		}{
			{listedReply, []string{"EVAL", listedText, "1", "k", "v"}},
			{listedReply, []string{"eVaL", listedText, "1", "k", "v"}},
			{listedReply, []string{"EVALSHA", sha, "1", "k", "v"}},
			{listedReply, []string{"evalsha", strings.ToUpper(sha), "1", "k", "v"}},
			{bulk(sha), []string{"SCRIPT", "LOAD", listedText}},
			{bulk(sha), []string{"script", "load", listedText}},
			{"*2\r\n:1\r\n:0\r\n", []string{"SCRIPT", "EXISTS", sha, other}},
			{notVetted(other), []string{"EVAL", unlistedText, "0"}},
			{notVetted(other), []string{"eval", unlistedText, "0"}},
			{notVetted(shaOf(listedText + " ")), []string{"EVAL", listedText + " ", "1", "k", "v"}},
			{notVetted(other), []string{"SCRIPT", "LOAD", unlistedText}},
			{noScript, []string{"EVALSHA", other, "0"}},
			{noScript, []string{"EVALSHA", "short", "0"}},
		} {
			c.must(tt.want, tt.call...)
		}
		for _, call := range []string{"SCRIPT FLUSH", "SCRIPT DEBUG YES", "FCALL f 0", "FCALL_RO f 0", "FUNCTION LOAD x", "FUNCTION FLUSH", "FUNCTION DELETE x", "FUNCTION RESTORE x"} {
			c.mustFail("DENIED", words(call)...)
		}
		for _, call := range [][]string{{"EVAL"}, {"EVAL", unlistedText}, {"EVALSHA", other}, {"SCRIPT", "LOAD"}, {"SCRIPT", "LOAD", unlistedText, "x"},
			{"EVAL", listedText, "2", "k"}, {"EVAL", listedText, "x", "k"}, {"EVAL", listedText, "-1", "k"}} {
			c.mustFail("ERR", call...)
		}
		if recent {
			c.must(listedReply, "EVAL_RO", listedText, "1", "k", "v")
			c.must(listedReply, "EVALSHA_RO", sha, "1", "k", "v")
			c.must(notVetted(other), "EVAL_RO", unlistedText, "0")
			c.must(noScript, "EVALSHA_RO", other, "0")
		}
		c.must(bulk("v"), "GET", "safe")
		vettedInline(c, sha)
		vettedTransactions(c, sha, other)
		// What an administrator flushes is loaded again unseen, and nothing is left on a connection.
		s.Dial(t).Do("SCRIPT", "FLUSH")
		c.must(listedReply, "EVALSHA", sha, "1", "k", "v")
		s.Dial(t).Do("SCRIPT", "FLUSH")
		c.must(listedReply, "EVAL", listedText, "1", "k", "v")
		c.must(bulk("v"), "GET", "safe")
	})
}

func vettedInline(c *client, sha string) {
	c.tb.Helper()
	for _, line := range []string{"EVALSHA " + sha + " 1 k v", `EVAL "` + listedText + `" 1 k v`} {
		if err := c.Send(line + "\r\n"); err != nil {
			c.tb.Fatal(err)
		}
		c.hear(listedReply)
	}
	if err := c.Send(`EVAL "` + unlistedText + `" 0` + "\r\n"); err != nil {
		c.tb.Fatal(err)
	}
	c.hear(notVetted(shaOf(unlistedText)))
}

func vettedTransactions(c *client, sha, other string) {
	c.tb.Helper()
	c.must("+OK\r\n", "MULTI")
	c.must("+QUEUED\r\n", "EVAL", listedText, "1", "k", "v")
	c.must("+QUEUED\r\n", "EVALSHA", sha, "1", "k", "v")
	c.must("*2\r\n"+listedReply+listedReply, "EXEC")
	for _, call := range [][]string{{"EVAL", unlistedText, "0"}, {"EVALSHA", other, "0"}, {"SCRIPT", "LOAD", unlistedText}} {
		c.must("+OK\r\n", "MULTI")
		c.must(notVetted(other), call...)
		c.mustFail("EXECABORT", "EXEC")
	}
	// In one write, and in the middle of other commands.
	var send string
	for _, call := range [][]string{{"MULTI"}, {"EVAL", listedText, "1", "k", "v"}, {"EXEC"}, {"GET", "safe"}, {"EVAL", unlistedText, "0"},
		{"EVALSHA", sha, "1", "k", "v"}, {"GET", "safe"}, {"EVALSHA", other, "0"}, {"PING"}} {
		send += redistest.Command(call...)
	}
	if err := c.Send(send); err != nil {
		c.tb.Fatal(err)
	}
	for _, want := range []string{"+OK\r\n", "+QUEUED\r\n", "*1\r\n" + listedReply, bulk("v"), notVetted(other), listedReply, bulk("v"), noScript, "+PONG\r\n"} {
		c.hear(want)
	}
}

// TestVettedLuaIsLoadedByTheProxy: a user needs no right to load scripts, and gets
// none: what it calls runs as that user.
func TestVettedLuaIsLoadedByTheProxy(t *testing.T) {
	redistest.Each(t, func(t *testing.T, s *redistest.Server) {
		r := vetting(t, s)
		s.Dial(t).Do("ACL", "SETUSER", "app", "on", ">pw", "~k", "+evalsha", "+get")
		s.Dial(t).Do("ACL", "SETUSER", "less", "on", ">pw", "~k", "+eval", "+get")
		c := r.dial(t)
		c.must("+OK\r\n", "AUTH", "app", "pw")
		c.must(listedReply, "EVAL", listedText, "1", "k", "v")
		c.must(listedReply, "EVALSHA", shaOf(listedText), "1", "k", "v")
		c.mustFail("NOPERM", "EVAL", listedText, "1", "other", "v")
		c.mustFail("NOPERM", "SCRIPT", "LOAD", listedText)
		c.must("+OK\r\n", "AUTH", "less", "pw")
		c.mustFail("NOPERM", "EVAL", listedText, "1", "k", "v")
	})
}

// TestVettedLuaByLibrary: go-redis tries EVALSHA, then EVAL, as all libraries do.
func TestVettedLuaByLibrary(t *testing.T) {
	r := vetting(t, redistest.Start(t))
	rdb := redis.NewClient(&redis.Options{Addr: r.Addrs()[0]})
	t.Cleanup(func() { rdb.Close() })
	got, err := redis.NewScript(listedText).Run(t.Context(), rdb, []string{"k"}, "v").StringSlice()
	if err != nil || len(got) != 2 || got[1] != "v" {
		t.Errorf("%q, %v", got, err)
	}
	_, err = redis.NewScript(unlistedText).Run(t.Context(), rdb, nil).Result()
	if err == nil || err.Error()+"\r\n" != notVetted(shaOf(unlistedText))[1:] {
		t.Errorf("%v", err)
	}
}

// TestVettedLuaReload: the list changes while the proxy runs.
func TestVettedLuaReload(t *testing.T) {
	s := redistest.Start(t)
	shelf := newShelf(t).put("listed.lua", listedText).lock()
	cfg := before(s)
	cfg.RawLua, cfg.Scripts.ApplicationDir = "vetted", shelf.dir
	r := startReady(t, cfg)
	c := r.dial(t)
	const more = "return 'more'"
	c.mustFail("DENIED", "EVAL", more, "0")
	shelf.put("more.lua", more)
	if err := r.Reload(); err == nil || !strings.Contains(err.Error(), "more.lua: not in scripts.lock") {
		t.Errorf("%v", err)
	}
	c.mustFail("DENIED", "EVAL", more, "0")
	shelf.lock()
	if err := r.Reload(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it runs", func() bool { return c.do("EVAL", more, "0") == bulk("more") })
	c.must(bulk("more"), "EVALSHA", shaOf(more), "0")
	if err := os.Remove(filepath.Join(shelf.dir, "more.lua")); err != nil {
		t.Fatal(err)
	}
	shelf.lock()
	if err := r.Reload(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it does not run any more", func() bool { return redistest.IsError(c.do("EVAL", more, "0"), "DENIED") })
	c.must(noScript, "EVALSHA", shaOf(more), "0")
	c.must(listedReply, "EVAL", listedText, "1", "k", "v")
}

// TestVettedLuaLong: arguments of more than a megabyte reach a listed script, and
// an unlisted one is refused at that length too.
func TestVettedLuaLong(t *testing.T) {
	r := vetting(t, redistest.Start(t))
	c := r.dial(t)
	long := strings.Repeat("x", 3<<20)
	want := fmt.Sprintf("*2\r\n$1\r\nk\r\n$%d\r\n%s\r\n", len(long), long)
	if got := c.do("EVAL", listedText, "1", "k", long); got != want {
		t.Errorf("%.100q", got)
	}
	if got := c.do("EVALSHA", shaOf(listedText), "1", "k", long); got != want {
		t.Errorf("%.100q", got)
	}
	c.must(notVetted(shaOf("return 1 --"+long)), "EVAL", "return 1 --"+long, "0")
	c.must(noScript, "EVALSHA", strings.Repeat("0", 40), "1", "k", long)
	c.must("+PONG\r\n", "PING")
}

// TestApplicationsReview: a script in which the vetter finds something needs
// somebody's word for it.
func TestApplicationsReview(t *testing.T) {
	const doubtful = "redis.call('SET', KEYS[1], 'a')\nreturn redis.call('INCR', KEYS[1])"
	shelf := newShelf(t).put("doubtful.lua", doubtful).lock()
	cfg := before(redistest.Start(t))
	cfg.RawLua, cfg.Scripts.ApplicationDir = "vetted", shelf.dir
	err := cfg.Validate()
	for _, want := range []string{filepath.Join(shelf.dir, "doubtful.lua") + ":2:", "late-failure", `"reviewed": "who, and why"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	shelf.put("doubtful.json", `{"reviewed": "ann: the first SET is meant to stay"}`).lock()
	c := startReady(t, cfg).dial(t)
	c.mustFail("ERR", "EVAL", doubtful, "1", "k")
	c.must(bulk("a"), "GET", "k")
}

// binaryText is a script that is hardly text.
const binaryText = "return '\x01\xff\t'\n-- é"

// TestLearnsLua: everything runs, and each script is recorded once, exactly.
func TestLearnsLua(t *testing.T) {
	redistest.Each(t, func(t *testing.T, s *redistest.Server) {
		dir := t.TempDir()
		cfg := before(s)
		cfg.RawLua, cfg.Scripts.LearnDir, cfg.Loops = "learn", dir, 2
		r := startReady(t, cfg)
		s.Dial(t).Do("ACL", "SETUSER", "app", "on", ">pw", "~*", "+@all")
		var users sync.WaitGroup
		for range 6 {
			c := r.dial(t)
			users.Go(func() {
				c.must("+OK\r\n", "AUTH", "app", "pw")
				for range 20 {
					c.must(listedReply, "EVAL", listedText, "1", "k", "v")
					c.must(bulk("\x01\xff\t"), "EVAL", binaryText, "0")
					c.must(bulk(shaOf("return 3")), "SCRIPT", "LOAD", "return 3")
					c.must(":3\r\n", "EVALSHA", shaOf("return 3"), "0")
				}
			})
		}
		users.Wait()
		want := map[string]commands.Record{
			listedText: {Command: "EVAL", Keys: 1}, binaryText: {Command: "EVAL"}, "return 3": {Command: "SCRIPT LOAD", Keys: -1},
		}
		eventually(t, "all are recorded", func() bool {
			files, _ := filepath.Glob(filepath.Join(dir, "*.lua"))
			return len(files) == len(want)
		})
		for text, record := range want {
			b, err := os.ReadFile(filepath.Join(dir, shaOf(text)+".lua"))
			if err != nil || string(b) != text {
				t.Errorf("%q is recorded as %q, %v", text, b, err)
			}
			var got commands.Record
			b, err = os.ReadFile(filepath.Join(dir, shaOf(text)+".json"))
			if err == nil {
				err = json.Unmarshal(b, &got)
			}
			if err != nil || got.SHA1 != shaOf(text) || got.Command != record.Command || got.Keys != record.Keys || got.User != "app" ||
				!strings.HasPrefix(got.Client, "127.0.0.1:") || got.FirstSeen == "" {
				t.Errorf("%q: %s, %v", text, b, err)
			}
		}
		learnedIsVetted(t, s, dir)
	})
}

// learnedIsVetted: what was learned is a list for raw_lua = "vetted" as it is.
func learnedIsVetted(t *testing.T, s *redistest.Server, dir string) {
	t.Helper()
	shelf := &shelf{t, dir}
	shelf.lock()
	cfg := before(s)
	cfg.RawLua, cfg.Scripts.ApplicationDir = "vetted", dir
	if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), shaOf(binaryText)+".lua:1:9: syntax: ") {
		t.Errorf("a script with control characters: %v", err)
	}
	record := filepath.Join(dir, shaOf(binaryText)+".json")
	b, err := os.ReadFile(record)
	if err != nil {
		t.Fatal(err)
	}
	b = bytes.Replace(b, []byte(`"reviewed": ""`), []byte(`"reviewed": "ann: it is only a comment's worth"`), 1)
	if err := os.WriteFile(record, b, 0o600); err != nil {
		t.Fatal(err)
	}
	shelf.lock()
	c := startReady(t, cfg).dial(t)
	c.must(listedReply, "EVALSHA", shaOf(listedText), "1", "k", "v")
	c.must(":3\r\n", "EVAL", "return 3", "0")
	c.must(bulk("\x01\xff\t"), "EVAL", binaryText, "0")
	c.mustFail("DENIED", "EVAL", "return 4", "0")
}
