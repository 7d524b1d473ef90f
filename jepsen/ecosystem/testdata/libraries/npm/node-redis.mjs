// Counts with node-redis.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { createSentinel } from "redis";

const { SENTINELS, MASTER, KEY, EVERY, PASSWORD, SENTINEL_PASSWORD, CA } = process.env;
const socket = { connectTimeout: 1000, ...(CA && { tls: true, ca: readFileSync(CA) }) };

console.log("version", createRequire(import.meta.url)("redis/package.json").version);
const client = createSentinel({
  name: MASTER,
  sentinelRootNodes: SENTINELS.split(" ").map((addr) => {
    const [host, port] = addr.split(":");
    return { host, port: Number(port) };
  }),
  nodeClientOptions: { password: PASSWORD, socket },
  sentinelClientOptions: { password: SENTINEL_PASSWORD, socket },
});
client.on("error", () => {}); // it goes on by itself
await client.connect();
for (;;) {
  try {
    console.log("ok", await client.incr(KEY));
  } catch (err) {
    console.log("error", err.message.replaceAll("\n", " "));
  }
  await sleep(EVERY * 1000);
}
