// SPDX-License-Identifier: Apache-2.0
// A session of the official client: session.mjs ERA TRANSPORT, where ERA is legacy (SDK 1) or modern
// (SDK 2, pinned to 2026-07-28) and TRANSPORT is http or stdio. Reads a plan as JSON from stdin:
// {url, key, command, args, steps: [[method, argument], ...]}; writes {results, messages}. Knows
// nothing of what the answers should be.
import { readFileSync } from "node:fs";

const [era, transport] = process.argv.slice(2);
const plan = JSON.parse(readFileSync(0, "utf8"));
const messages = [];

async function parts() {
  if (era === "modern") {
    const { Client, StreamableHTTPClientTransport } = await import("@modelcontextprotocol/client");
    const { StdioClientTransport } = await import("@modelcontextprotocol/client/stdio");
    return { Client, StreamableHTTPClientTransport, StdioClientTransport,
             options: { versionNegotiation: { mode: { pin: "2026-07-28" } } } };
  }
  const sdk = "@modelcontextprotocol/sdk/client";
  const { Client } = await import(`${sdk}/index.js`);
  const { StreamableHTTPClientTransport } = await import(`${sdk}/streamableHttp.js`);
  const { StdioClientTransport } = await import(`${sdk}/stdio.js`);
  return { Client, StreamableHTTPClientTransport, StdioClientTransport, options: {} };
}

/** Writes down what goes over the wire. */
function listened(t) {
  const send = t.send.bind(t);
  let handler;
  t.send = (message, options) => {
    messages.push({ to: "server", message });
    return send(message, options);
  };
  Object.defineProperty(t, "onmessage", {
    get: () => handler,
    set: (f) => {
      handler = f && ((message, extra) => {
        messages.push({ to: "client", message });
        f(message, extra);
      });
    },
  });
  return t;
}

const { Client, StreamableHTTPClientTransport, StdioClientTransport, options } = await parts();
const line = transport === "http"
  ? new StreamableHTTPClientTransport(new URL(plan.url), {
      requestInit: { headers: plan.key ? { Authorization: `Bearer ${plan.key}` } : {} } })
  : new StdioClientTransport({ command: plan.command, args: plan.args, stderr: "inherit",
                               env: { ...process.env, ...(plan.key ? { METE_API_KEY: plan.key } : {}) } });
const client = new Client({ name: "an-agent", version: "1.0.0" }, options);
const results = [];
try {
  await client.connect(listened(line));
  results.push({ connected: { version: client.getServerVersion(),
                              capabilities: client.getServerCapabilities() } });
  for (const [method, argument] of plan.steps) {
    try {
      results.push({ result: await client[method](argument) });
    } catch (e) {
      results.push({ error: { code: e.code, message: e.message } });
    }
  }
  await client.close();
} catch (e) {
  results.push({ error: { code: e.code, message: e.message } });
}
process.stdout.write(JSON.stringify({ results, messages }), () => process.exit(0));
