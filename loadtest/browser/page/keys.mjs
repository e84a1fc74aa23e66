// Drives one Chromium with a virtual authenticator (CDP's WebAuthn domain): a JSON command per line in, a JSON answer per line out. It ends with its
// standard input.
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";

const [modules, profile, browser] = process.argv.slice(2);
const { chromium } = createRequire(join(modules, "index.js"))("playwright-core");
const context = await chromium.launchPersistentContext(profile, {
  executablePath: browser, headless: true, locale: "en-US",
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
const page = context.pages()[0] ?? await context.newPage();
const said = [];
page.on("console", (m) => said.push(m.text()));
page.on("pageerror", (e) => said.push(String(e)));
const cdp = await context.newCDPSession(page);
await cdp.send("WebAuthn.enable");
let authenticator;

const methods = {
  authenticator: async (verified) => {
    if (authenticator) await cdp.send("WebAuthn.setUserVerified", { authenticatorId: authenticator, isUserVerified: verified });
    else authenticator = (await cdp.send("WebAuthn.addVirtualAuthenticator", { options: { protocol: "ctap2", transport: "internal", hasResidentKey: true,
      hasUserVerification: true, isUserVerified: verified, automaticPresenceSimulation: true } })).authenticatorId;
  },
  keys: async () => (await cdp.send("WebAuthn.getCredentials", { authenticatorId: authenticator })).credentials.map((c) =>
    ({ rp: c.rpId, resident: c.isResidentCredential, count: c.signCount })),
  goto: async (url) => { await page.goto(url); },
  fill: async (selector, text) => { await page.fill(selector, text); },
  press: async (selector) => { await Promise.all([page.waitForNavigation({ timeout: 15000 }), page.click(selector)]); }, // to the page that it leads to
  click: async (selector) => { await page.click(selector); },
  shown: async (selector) => { await page.waitForSelector(selector, { state: "visible", timeout: 15000 }); },
  path: async () => new URL(page.url()).pathname,
  text: async () => page.innerText("main"),
  said: async () => said,
};
const say = (x) => process.stdout.write(`${JSON.stringify(x)}\n`);
say({ ready: true });
for await (const line of createInterface({ input: process.stdin })) {
  const { method, args } = JSON.parse(line);
  try {
    say({ value: (await methods[method](...(args ?? []))) ?? null });
  } catch (e) {
    say({ error: String(e) });
  }
}
await context.close();
