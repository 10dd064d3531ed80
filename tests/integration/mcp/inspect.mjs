// Lists the tools of a server and makes calls, by the protocol's own client for JavaScript.
// node inspect.mjs SDK URL KEY: calls come as JSON lines on stdin, {"name", "arguments"}; each answer is a line on stdout,
// the first of them the names of all tools.
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const [sdk, url, key] = process.argv.slice(2);
const part = (name) => import(pathToFileURL(`${sdk}/dist/esm/client/${name}.js`).href);
const { Client } = await part("index");
const { StreamableHTTPClientTransport } = await part("streamableHttp");

const client = new Client({ name: "inspect", version: "1" });
const headers = { Authorization: `Bearer ${key}` };
await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }));
const { tools } = await client.listTools();
console.log(JSON.stringify(tools.map((tool) => tool.name)));
for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await client.callTool(JSON.parse(line))));
}
await client.close();
