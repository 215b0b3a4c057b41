package difftest

import (
	"testing"

	"github.com/atomicproxy/atomicproxy/proxy/internal/redistest"
)

// dataset is what both servers hold before a command: a few keys of every type.
var dataset = [][]string{
	{"SET", "string", "Hello, world"},
	{"SET", "number", "10"},
	{"SET", "empty", ""},
	{"SET", "bin\x00\r\n\xff", "\x00\r\n$5\r\n\xff\xfe"},
	{"SET", "expiring", "soon", "EX", "100000"},
	{"SET", "float", "3.25"},
	{"RPUSH", "list", "a", "b", "c", "b", "\x00\r\n"},
	{"SADD", "set", "a", "b", "c", "1"},
	{"SADD", "set2", "b", "c", "d"},
	{"SADD", "ints", "1", "2", "3"},
	{"ZADD", "zset", "1", "a", "2", "b", "3.5", "c", "-1", "d"},
	{"ZADD", "zset2", "10", "a", "20", "e"},
	{"HSET", "hash", "a", "1", "b", "two", "c", "\r\n"},
	{"XADD", "stream", "1-1", "a", "1", "b", "2"},
	{"XADD", "stream", "2-1", "a", "3"},
	{"XGROUP", "CREATE", "stream", "group", "0"},
	{"XREADGROUP", "GROUP", "group", "consumer", "COUNT", "1", "STREAMS", "stream", ">"},
	{"PFADD", "hll", "a", "b", "c"},
	{"GEOADD", "geo", "13.361389", "38.115556", "Palermo", "15.087269", "37.502669", "Catania"},
	{"SETBIT", "bits", "7", "1"},
}

// typicalKey is the key of the dataset that the commands of a group work on.
var typicalKey = map[string]string{
	"string": "string", "list": "list", "set": "set", "sorted-set": "zset", "hash": "hash", "stream": "stream",
	"hyperloglog": "hll", "geo": "geo", "bitmap": "bits",
}

var otherKeys = []string{"list", "string", "zset", "hash", "set", "stream", "missing", "number", "bin\x00\r\n\xff"}

// fill empties a server and puts the dataset in.
func fill(t *testing.T, c *redistest.Client) {
	t.Helper()
	wire := redistest.Command("FLUSHALL")
	for _, d := range dataset {
		wire += redistest.Command(d...)
	}
	if err := c.Send(wire); err != nil {
		t.Fatal(err)
	}
	for i := range len(dataset) + 1 {
		reply, err := c.Receive()
		if err != nil || reply[0] == '-' {
			t.Fatalf("filling, command %d: %q, %v", i, reply, err)
		}
	}
}
