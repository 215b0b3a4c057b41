// node-redis with its default settings, through atomicproxy: node try.js HOST:PORT
//
// Prints "ok STEP" for each thing that it tried, and ends with 1 and what differed. At the line RESTART it waits for a
// line on its input: whoever runs it restarts the server behind the proxy meanwhile.
const assert = require("node:assert");
const { once } = require("node:events");
const { createClient, WatchError } = require("redis");

const ok = (step) => console.log("ok", step);
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

async function pipeline(redis) {
  // Commands of one tick go out as one pipeline.
  const replies = Array.from({ length: 100 }, () => redis.incr("nr:n"));
  const wrong = assert.rejects(redis.lPush("nr:n", "x"), /^Error: WRONGTYPE/);
  const last = redis.get("nr:n");
  assert.deepStrictEqual(await Promise.all(replies), Array.from({ length: 100 }, (_, i) => i + 1));
  await wrong;
  assert.strictEqual(await last, "100");
  ok("pipeline");
}

async function transaction(redis, other) {
  await redis.watch("nr:a");
  await other.set("nr:a", "other");
  await assert.rejects(redis.multi().set("nr:a", "mine").exec(), WatchError);
  await redis.watch("nr:a");
  assert.deepStrictEqual(await redis.multi().set("nr:a", "mine").get("nr:a").exec(), ["OK", "mine"]);
  ok("transaction");
}

async function blocking(redis, other) {
  assert.strictEqual(await redis.blPop("nr:q", 1), null);
  const pop = redis.blPop("nr:q", 5);
  await sleep(200);
  await other.rPush("nr:q", "job");
  assert.deepStrictEqual({ ...(await pop) }, { key: "nr:q", element: "job" });
  ok("blocking");
}

async function purge(redis) {
  for (let i = 0; i < 5; i++) await redis.set(`nr:p:${i}`, "v");
  assert.strictEqual(await redis.sendCommand(["PURGE", "nr:p:*"]), 5);
  assert.strictEqual(await redis.exists("nr:p:0"), 0);
  await assert.rejects(redis.sendCommand(["PURGE", "*"]), /DENIED/);
  ok("purge");
}

async function main() {
  console.log("client node-redis", require("redis/package.json").version);
  const redis = createClient({ url: `redis://${process.argv[2]}` });
  const other = redis.duplicate();
  const sub = redis.duplicate();
  // node-redis ends the process at a loss if nobody listens; with the defaults it connects again by itself.
  for (const r of [redis, other, sub]) r.on("error", () => {});
  await Promise.all([redis.connect(), other.connect(), sub.connect()]);

  assert.strictEqual(await redis.ping(), "PONG");
  assert.strictEqual(await redis.set("nr:a", "1"), "OK");
  assert.strictEqual(await redis.get("nr:a"), "1");
  ok("connect");
  await pipeline(redis);
  await transaction(redis, other);
  await blocking(redis, other);

  let heard;
  const next = () => new Promise((done) => { heard = done; });
  let message = next();
  await sub.subscribe("nr:news", (m) => heard(m));
  assert.strictEqual(await redis.publish("nr:news", "hello"), 1);
  assert.strictEqual(await message, "hello");
  ok("pubsub");
  await purge(redis);

  console.log("RESTART");
  await once(process.stdin, "data");
  assert.strictEqual(await redis.set("nr:a", "again"), "OK");
  assert.deepStrictEqual(await redis.multi().get("nr:a").exec(), ["again"]);
  ok("reconnect");

  message = next();
  for (let i = 0; (await redis.publish("nr:news", "back")) === 0; i++) {
    assert.ok(i < 100, "node-redis has not subscribed again");
    await sleep(50);
  }
  assert.strictEqual(await message, "back");
  ok("resubscribe");
  await Promise.all([redis.close(), other.close(), sub.close()]);
  process.stdin.destroy();
}

main().catch((err) => {
  console.error(err);
  process.exit(1);
});
