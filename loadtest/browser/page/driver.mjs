// Drives one Chromium with the phone in its page: a JSON command per line in, a JSON answer per line out. It ends with its standard input.
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const [modules, profile, tone, port, browser] = process.argv.slice(2);
const require = createRequire(join(modules, "index.js"));
const { chromium } = require("playwright-core");
const here = dirname(fileURLToPath(import.meta.url));

// bundle joins a CommonJS package and what it requires into one script, as a site's bundler would.
function bundle(name, global) {
  const ids = new Map(), sources = [];
  const add = (file) => {
    if (ids.has(file)) return ids.get(file);
    const id = ids.size;
    ids.set(file, id);
    const local = createRequire(file), links = {};
    const text = readFileSync(file, "utf8");
    for (const [, what] of text.matchAll(/require\(['"]([^'"]+)['"]\)/g)) {
      let target;
      try { target = local.resolve(what === "events" ? "events/" : what); } catch { continue; } // optional, for Node only
      if (target.endsWith(join("debug", "src", "index.js"))) target = join(dirname(target), "browser.js");
      if (target.startsWith("/")) links[what] = add(target);
    }
    sources[id] = file.endsWith(".json") ? `[{}, function (module) { module.exports = ${text} }]`
      : `[${JSON.stringify(links)}, function (module, exports, require, process) {${text}\n}]`;
    return id;
  };
  const entry = add(require.resolve(name));
  return `(() => { const all = [${sources.join(",\n")}], done = {};
    const load = (id) => { if (done[id]) return done[id].exports; const m = done[id] = { exports: {} };
      all[id][1](m, m.exports, (n) => load(all[id][0][n]), { env: {} }); return m.exports; };
    window.${global} = load(${entry}); })();`;
}

const files = { "/": ["text/html", readFileSync(join(here, "phone.html"))], "/phone.js": ["text/javascript", readFileSync(join(here, "phone.js"))],
  "/jssip.js": ["text/javascript", bundle("jssip", "JsSIP")] };
const server = createServer((req, res) => {
  const [type, body] = files[req.url] ?? ["text/plain", ""];
  res.writeHead(files[req.url] ? 200 : 404, { "content-type": `${type}; charset=utf-8` }).end(body);
}).listen(Number(port), "127.0.0.1");

const context = await chromium.launchPersistentContext(profile, {
  executablePath: browser, headless: true, ignoreHTTPSErrors: true,
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", `--use-file-for-fake-audio-capture=${tone}`,
    "--ignore-certificate-errors", "--allow-loopback-in-peer-connection", "--autoplay-policy=no-user-gesture-required"],
});
const page = context.pages()[0] ?? await context.newPage();
page.on("console", (m) => process.stderr.write(`${m.text()}\n`));
page.on("pageerror", (e) => process.stderr.write(`${e}\n`));
await page.goto(`http://127.0.0.1:${port}/`);
await page.waitForFunction(() => window.phone);
const say = (x) => process.stdout.write(`${JSON.stringify(x)}\n`);
say({ ready: true });
for await (const line of createInterface({ input: process.stdin })) {
  const { method, args } = JSON.parse(line);
  try {
    if (method === "reload") { // as the key F5 does: the page is told nothing in time
      await page.reload();
      await page.waitForFunction(() => window.phone);
      say({ value: null });
      continue;
    }
    say({ value: (await page.evaluate(([m, a]) => window.phone[m](...a), [method, args ?? []])) ?? null });
  } catch (e) {
    say({ error: String(e) });
  }
}
await context.close();
server.close();
