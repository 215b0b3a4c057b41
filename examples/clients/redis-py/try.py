"""redis-py with its default settings, through atomicproxy: try.py HOST:PORT

Prints "ok STEP" for each thing that it tried, and ends with 1 and what differed. At the line RESTART it waits for a line
on its input: whoever runs it restarts the server behind the proxy meanwhile.
"""
import sys
import threading
import time

import redis


def same(got, want):
    if got != want:
        sys.exit(f"got {got!r}, want {want!r}")


def ok(step):
    print("ok", step, flush=True)


def message(sub):
    """The next message of a subscription, within five seconds."""
    for _ in range(50):
        m = sub.get_message(ignore_subscribe_messages=True, timeout=0.1)
        if m:
            return m["data"]
    sys.exit("no message came")


host, port = sys.argv[1].rsplit(":", 1)
r = redis.Redis(host, int(port), decode_responses=True)
print("client redis-py", redis.__version__, flush=True)

same(r.ping(), True)
same(r.set("py:a", "1"), True)
same(r.get("py:a"), "1")
ok("connect")

p = r.pipeline(transaction=False)
for _ in range(100):
    p.incr("py:n")
p.lpush("py:n", "x")  # an error in the middle, and everything after it in its place
p.get("py:n")
replies = p.execute(raise_on_error=False)
same(replies[:100], list(range(1, 101)))
same(type(replies[100]), redis.ResponseError)
same(replies[101], "100")
ok("pipeline")

with r.pipeline() as p:
    p.watch("py:a")
    r.set("py:a", "other")  # on another connection of the pool
    p.multi()
    p.set("py:a", "mine")
    try:
        p.execute()
        sys.exit("the transaction ran though its key had changed")
    except redis.WatchError:
        pass
same(r.get("py:a"), "other")
same(r.transaction(lambda p: (p.multi(), p.set("py:a", "mine"), p.get("py:a")), "py:a"), [True, "mine"])
ok("transaction")

same(r.blpop("py:q", timeout=1), None)
threading.Timer(0.2, lambda: r.rpush("py:q", "job")).start()
same(r.blpop("py:q", timeout=5), ("py:q", "job"))
ok("blocking")

sub = r.pubsub()
sub.subscribe("py:news")
same(sub.get_message(timeout=5)["type"], "subscribe")
same(r.publish("py:news", "hello"), 1)
same(message(sub), "hello")
ok("pubsub")

for i in range(5):
    r.set(f"py:p:{i}", "v")
same(r.execute_command("PURGE", "py:p:*", "DRYRUN"), 5)
same(r.execute_command("PURGE", "py:p:*"), 5)
same(r.exists("py:p:0"), 0)
try:
    r.execute_command("PURGE", "*")
    sys.exit("PURGE * was not refused")
except redis.ResponseError as e:
    same(str(e).split()[0], "DENIED")
ok("purge")

print("RESTART", flush=True)
sys.stdin.readline()
same(r.set("py:a", "again"), True)
same(r.transaction(lambda p: (p.multi(), p.get("py:a")), "py:a"), ["again"])
ok("reconnect")

# What made state on the connection, a subscription here, has lost it: redis-py says so once, and the next call connects and
# subscribes again.
try:
    sub.get_message(timeout=5)
    sys.exit("the subscription was lost in silence")
except redis.ConnectionError:
    pass
while r.publish("py:news", "back") == 0:
    sub.get_message(timeout=0.1)
same(message(sub), "back")
ok("resubscribe")
