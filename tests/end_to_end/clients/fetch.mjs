// Node's own fetch, sent through a proxy by undici's ProxyAgent: one request, described on standard input.
// argv: the folder undici is installed in. The CA comes by NODE_EXTRA_CA_CERTS, as it does for a user.
import { createRequire } from "node:module";
import { buffer } from "node:stream/consumers";

const require = createRequire(`${process.argv[2]}/`);
const order = JSON.parse((await buffer(process.stdin)).toString());

if (order.proxy_url !== null) {
  const { ProxyAgent, setGlobalDispatcher } = require("undici");
  // Both copies of undici keep the dispatcher in the same global symbol, so the built-in fetch uses this one.
  const proxy = new URL(order.proxy_url);
  const credentials = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
  setGlobalDispatcher(
    new ProxyAgent({
      uri: proxy.origin,
      ...(proxy.username === "" ? {} : { token: `Basic ${Buffer.from(credentials).toString("base64")}` }),
    }),
  );
}

try {
  const answer = await fetch(order.url, {
    method: order.method,
    headers: order.headers,
    body: order.body_base64 === null ? undefined : Buffer.from(order.body_base64, "base64"),
    redirect: "manual",
    signal: AbortSignal.timeout(order.timeout * 1000),
  });
  const body = Buffer.from(await answer.arrayBuffer()).toString("base64");
  process.stdout.write(
    JSON.stringify({ status: answer.status, headers: [...answer.headers], body_base64: body }),
    () => process.exit(0),
  );
} catch (error) {
  process.stderr.write(`${error}: ${error.cause ?? ""}`, () => process.exit(1));
}
