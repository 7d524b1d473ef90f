// Counts with ioredis. Words on the command line are options to switch on.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import Redis from "ioredis";

const { SENTINELS, MASTER, KEY, EVERY, PASSWORD, SENTINEL_PASSWORD, CA } = process.env;
const tls = CA && { ca: readFileSync(CA) };

console.log("version", createRequire(import.meta.url)("ioredis/package.json").version);
const connect = () => new Redis({
  sentinels: SENTINELS.split(" ").map((addr) => {
    const [host, port] = addr.split(":");
    return { host, port: Number(port) };
  }),
  name: MASTER,
  password: PASSWORD,
  sentinelPassword: SENTINEL_PASSWORD,
  tls,
  enableTLSForSentinelMode: Boolean(tls),
  sentinelTLS: tls,
  connectTimeout: 1000,
  sentinelCommandTimeout: 1000,
  failoverDetector: process.argv.includes("failoverDetector"),
  reconnectOnError: (err) => err.message.startsWith("READONLY"), // as its documentation advises
});
let client;
for (;;) {
  if (!client || client.status === "end") { // it has given up
    client = connect();
    client.on("error", () => {}); // it goes on by itself
  }
  try {
    console.log("ok", await client.incr(KEY));
  } catch (err) {
    console.log("error", err.message.replaceAll("\n", " "));
  }
  await sleep(EVERY * 1000);
}
