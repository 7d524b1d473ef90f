// A plain client of ioredis, which does the same as behind.py.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

const require = createRequire(process.env.NODE_MODULES_OF);
const Redis = require("ioredis");

const say = (what) => process.stdout.write(JSON.stringify(what) + "\n");
const lines = createInterface({ input: process.stdin });
const at = JSON.parse((await lines[Symbol.asyncIterator]().next()).value);
const name = (kind) => `${kind}:${at.name}`;

function connect(kind) {
  const client = new Redis({
    host: at.host, port: at.port, password: at.password, maxRetriesPerRequest: 0,
    tls: { ca: readFileSync(at.ca), checkServerIdentity: () => undefined },
  });
  client.on("error", (e) => say({ kind, error: String(e) }));
  client.on("close", () => say({ kind, error: "the connection has ended" }));
  return client;
}

async function again(kind, call) {
  const client = connect(kind);
  for (let n = 0; ; n++) {
    try {
      await call(client, n);
    } catch (e) {
      say({ kind, error: String(e) });
    }
    await sleep(at.every);
  }
}

again("write", async (c, n) => {
  await c.rpush(name("list"), n);
  say({ kind: "write", n });
});
again("tx", async (c) => {
  await c.multi().incr(name("tx-a")).incr(name("tx-b")).exec();
  say({ kind: "tx" });
});
again("lua", async (c) => {
  await c.eval("redis.call('incr', KEYS[1]) return redis.call('incr', KEYS[2])", 2, name("lua-a"), name("lua-b"));
  say({ kind: "lua" });
});
again("job", async (c) => say({ kind: "job", text: (await c.blpop(name("jobs"), 0))[1] }));
const subscriber = connect("news");
subscriber.on("message", (_, text) => say({ kind: "news", text }));
await subscriber.subscribe(name("news"));
say({ kind: "version", text: require("ioredis/package.json").version });
process.stdin.on("end", () => process.exit(0));
lines.on("close", () => process.exit(0));
