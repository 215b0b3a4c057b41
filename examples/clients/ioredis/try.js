// ioredis with its default settings, through atomicproxy: node try.js HOST:PORT
//
// Prints "ok STEP" for each thing that it tried, and ends with 1 and what differed. At the line RESTART it waits for a
// line on its input: whoever runs it restarts the server behind the proxy meanwhile.
const assert = require("node:assert");
const { once } = require("node:events");
const Redis = require("ioredis");

const [host, port] = process.argv[2].split(":");
const ok = (step) => console.log("ok", step);
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

async function pipeline(redis) {
  const p = redis.pipeline();
  for (let i = 0; i < 100; i++) p.incr("io:n");
  p.lpush("io:n", "x"); // an error in the middle, and everything after it in its place
  p.get("io:n");
  const replies = await p.exec();
  assert.deepStrictEqual(replies.slice(0, 100).map(([, n]) => n), Array.from({ length: 100 }, (_, i) => i + 1));
  assert.match(replies[100][0].message, /^WRONGTYPE/);
  assert.deepStrictEqual(replies[101], [null, "100"]);
  ok("pipeline");
}

async function transaction(redis, other) {
  await redis.watch("io:a");
  await other.set("io:a", "other");
  assert.strictEqual(await redis.multi().set("io:a", "mine").exec(), null);
  await redis.watch("io:a");
  assert.deepStrictEqual(await redis.multi().set("io:a", "mine").get("io:a").exec(), [[null, "OK"], [null, "mine"]]);
  ok("transaction");
}

async function blocking(redis, other) {
  assert.strictEqual(await redis.blpop("io:q", 1), null);
  const pop = redis.blpop("io:q", 5);
  await sleep(200);
  await other.rpush("io:q", "job");
  assert.deepStrictEqual(await pop, ["io:q", "job"]);
  ok("blocking");
}

async function purge(redis) {
  for (let i = 0; i < 5; i++) await redis.set(`io:p:${i}`, "v");
  assert.strictEqual(await redis.call("PURGE", "io:p:*"), 5);
  assert.strictEqual(await redis.exists("io:p:0"), 0);
  await assert.rejects(redis.call("PURGE", "*"), /DENIED/);
  ok("purge");
}

async function main() {
  console.log("client ioredis", require("ioredis/package.json").version);
  const redis = new Redis(Number(port), host);
  const other = redis.duplicate();
  const sub = redis.duplicate();
  // Without a listener ioredis prints each loss; with the defaults it connects again by itself.
  for (const r of [redis, other, sub]) r.on("error", () => {});

  assert.strictEqual(await redis.ping(), "PONG");
  assert.strictEqual(await redis.set("io:a", "1"), "OK");
  assert.strictEqual(await redis.get("io:a"), "1");
  ok("connect");
  await pipeline(redis);
  await transaction(redis, other);
  await blocking(redis, other);

  await sub.subscribe("io:news");
  let message = once(sub, "message");
  assert.strictEqual(await redis.publish("io:news", "hello"), 1);
  assert.deepStrictEqual(await message, ["io:news", "hello"]);
  ok("pubsub");
  await purge(redis);

  console.log("RESTART");
  await once(process.stdin, "data");
  assert.strictEqual(await redis.set("io:a", "again"), "OK");
  assert.deepStrictEqual(await redis.multi().get("io:a").exec(), [[null, "again"]]);
  ok("reconnect");

  message = once(sub, "message");
  for (let i = 0; (await redis.publish("io:news", "back")) === 0; i++) {
    assert.ok(i < 100, "ioredis has not subscribed again");
    await sleep(50);
  }
  assert.deepStrictEqual(await message, ["io:news", "back"]);
  ok("resubscribe");
  await Promise.all([redis.quit(), other.quit(), sub.quit()]);
  process.stdin.destroy();
}

main().catch((err) => {
  console.error(err);
  process.exit(1);
});
