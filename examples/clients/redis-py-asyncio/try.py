"""redis.asyncio of redis-py with its default settings, through atomicproxy: try.py HOST:PORT

Prints "ok STEP" for each thing that it tried, and ends with 1 and what differed. At the line RESTART it waits for a line
on its input: whoever runs it restarts the server behind the proxy meanwhile.
"""
import asyncio
import sys

import redis
import redis.asyncio


def same(got, want):
    if got != want:
        sys.exit(f"got {got!r}, want {want!r}")


def ok(step):
    print("ok", step, flush=True)


async def message(sub):
    """The next message of a subscription, within five seconds."""
    for _ in range(50):
        m = await sub.get_message(ignore_subscribe_messages=True, timeout=0.1)
        if m:
            return m["data"]
    sys.exit("no message came")


async def many(r):
    """A hundred tasks at once, each on a connection of the pool and each getting its own reply."""
    await asyncio.gather(*(r.set(f"aio:t:{i}", i) for i in range(100)))
    same(await asyncio.gather(*(r.get(f"aio:t:{i}") for i in range(100))), [str(i) for i in range(100)])
    p = r.pipeline(transaction=False)
    for _ in range(100):
        p.incr("aio:n")
    p.lpush("aio:n", "x")  # an error in the middle, and everything after it in its place
    p.get("aio:n")
    replies = await p.execute(raise_on_error=False)
    same(replies[:100], list(range(1, 101)))
    same(type(replies[100]), redis.ResponseError)
    same(replies[101], "100")
    ok("pipeline")


async def transaction(r):
    async with r.pipeline() as p:
        await p.watch("aio:a")
        await r.set("aio:a", "other")
        p.multi()
        p.set("aio:a", "mine")
        try:
            await p.execute()
            sys.exit("the transaction ran though its key had changed")
        except redis.WatchError:
            pass
    async with r.pipeline() as p:
        await p.watch("aio:a")
        p.multi()
        same(await p.set("aio:a", "mine").get("aio:a").execute(), [True, "mine"])
    ok("transaction")


async def blocking(r):
    same(await r.blpop("aio:q", timeout=1), None)
    pops = [asyncio.create_task(r.blpop("aio:q", timeout=5)) for _ in range(10)]
    await asyncio.sleep(0.2)
    await r.rpush("aio:q", *range(10))
    same(sorted(v for _, v in await asyncio.gather(*pops)), [str(i) for i in range(10)])
    ok("blocking")


async def purge(r):
    for i in range(5):
        await r.set(f"aio:p:{i}", "v")
    same(await r.execute_command("PURGE", "aio:p:*"), 5)
    same(await r.exists("aio:p:0"), 0)
    try:
        await r.execute_command("PURGE", "*")
        sys.exit("PURGE * was not refused")
    except redis.ResponseError as e:
        same(str(e).split()[0], "DENIED")
    ok("purge")


async def main():
    r = redis.asyncio.from_url(f"redis://{sys.argv[1]}", decode_responses=True)
    print("client redis-py", redis.__version__, "asyncio", flush=True)
    same(await r.ping(), True)
    same(await r.set("aio:a", "1"), True)
    same(await r.get("aio:a"), "1")
    ok("connect")

    await many(r)
    await transaction(r)
    await blocking(r)

    sub = r.pubsub()
    await sub.subscribe("aio:news")
    same((await sub.get_message(timeout=5))["type"], "subscribe")
    same(await r.publish("aio:news", "hello"), 1)
    same(await message(sub), "hello")
    ok("pubsub")
    await purge(r)

    print("RESTART", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    same(await r.set("aio:a", "again"), True)
    same(await asyncio.gather(*(r.get("aio:a") for _ in range(100))), ["again"] * 100)
    ok("reconnect")
    await sub.close()
    await r.close()


asyncio.run(main())
