// The example in a browser, with a server of its own.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { build, preview } from "vite";
import { startBrowser } from "../../../console/test/browser.mjs";
import { startServer } from "../../../console/test/server.mjs";

const root = join(import.meta.dirname, "..");
let server, pages, browser, page, folder;

before(async () => {
  server = await startServer();
  folder = await mkdtemp(join(tmpdir(), "chat-backend-react-"));
  Object.assign(process.env, {
    VITE_API_URL: server.url, VITE_SUPABASE_URL: server.supabase, VITE_SUPABASE_KEY: server.key,
  });
  const build_ = { outDir: folder, emptyOutDir: true };
  await build({ root, build: build_, logLevel: "error" });
  pages = await preview({ root, build: build_, preview: { host: "127.0.0.1", port: 0 }, logLevel: "warn" });
  browser = await startBrowser();
  page = await browser.newPage();
  page.setDefaultTimeout(20_000);
  const { port } = pages.httpServer.address();
  await page.goto(`http://127.0.0.1:${port}/`);
  await page.getByLabel("Email").fill("ada@example.com");
  await page.getByLabel("Password").fill("correct horse");
  await page.getByRole("button", { name: "Create account" }).click();
});

after(async () => {
  await browser?.close();
  await pages?.close();
  await server?.stop();
  if (folder) await rm(folder, { recursive: true, force: true });
});

const answers = () => page.getByRole("article", { name: "Assistant" });
const questions = () => page.getByRole("article", { name: "You" });
const isIdle = () => page.getByRole("button", { name: "Send" }).waitFor();

async function ask(text) {
  await page.getByLabel("Message").fill(text);
  await page.getByRole("button", { name: "Send" }).click();
  await page.getByRole("button", { name: "Stop" }).waitFor();
}

test("an answer is resumed after a reload, edited, regenerated and stopped", async () => {
  await ask("/slow 12");
  await answers().filter({ hasText: /\w/ }).waitFor();
  await page.reload();
  await page.getByRole("button", { name: "Stop" }).waitFor();
  await isIdle();
  const whole = await answers().innerText();
  assert.ok(whole.split(/\s+/).length >= 12, whole);

  await page.getByRole("button", { name: "Edit" }).click();
  await page.getByLabel("Edit", { exact: true }).fill("Hello from an edit");
  await page.getByRole("button", { name: "Save" }).click();
  await questions().filter({ hasText: "Hello from an edit" }).waitFor();
  await answers().getByRole("button", { name: "Regenerate" }).waitFor();
  assert.notEqual(await answers().innerText(), whole);

  await page.getByRole("button", { name: "Regenerate" }).click();
  await page.getByRole("button", { name: "Stop" }).waitFor();
  await isIdle();
  assert.equal(await answers().count(), 1);

  await ask("/slow 200");
  await answers().nth(1).filter({ hasText: /\w/ }).waitFor();
  await page.getByRole("button", { name: "Stop" }).click();
  await isIdle();
  assert.equal(await page.getByRole("alert").filter({ hasText: /\w/ }).count(), 0);
  await page.reload();
  await answers().nth(1).waitFor();
  assert.equal(await answers().count(), 2);
});

test("a file is attached, and an error is a sentence", async () => {
  await page.getByRole("button", { name: "New chat" }).click();
  await page.getByLabel("Attach files").setInputFiles({ name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("Hi") });
  await ask("What is in it?");
  await questions().getByRole("link", { name: "notes.txt" }).waitFor();
  await isIdle();
  await page.getByLabel("Message").fill("/error overloaded");
  await page.getByRole("button", { name: "Send" }).click();
  const problem = page.getByRole("alert").filter({ hasText: "overloaded" });
  await problem.waitFor();
  assert.doesNotMatch(await problem.innerText(), /[{}]/);
  assert.equal(await page.getByRole("navigation").getByRole("listitem").count(), 2);
});

test("a new chat is begun with an assistant", async () => {
  await page.getByRole("button", { name: "New chat" }).click();
  await page.getByRole("combobox", { name: "Assistant" }).selectOption("Travel agent");
  await page.getByText("Plans trips.").waitFor();
  await page.getByRole("button", { name: "Where is it warm" }).click();
  await answers().getByRole("button", { name: "Regenerate" }).waitFor();
  await page.reload();
  await page.getByText("Assistant: Travel agent").waitFor();
  await ask("And in April?");
  await answers().nth(1).getByRole("button", { name: "Regenerate" }).waitFor();
  assert.equal(await page.getByRole("alert").filter({ hasText: /\w/ }).count(), 0);
});

test("a chat opens where nobody can say which assistants there are", async () => {
  await page.route("**/api/ai/assistants", (route) => route.abort());
  await page.reload();
  await answers().nth(1).waitFor();
  assert.equal(await page.getByRole("alert").filter({ hasText: /\w/ }).count(), 0);
  await page.getByRole("button", { name: "New chat" }).click();
  await page.getByRole("alert").filter({ hasText: /\w/ }).waitFor();
  await ask("And in May?");
  await answers().getByRole("button", { name: "Regenerate" }).waitFor();
});

test("a tool that asks first runs when it is allowed", async () => {
  await page.getByRole("button", { name: "New chat" }).click();
  await page.getByLabel("Message").fill("/approve");
  await page.getByLabel("Message").press("Enter");
  await page.getByRole("button", { name: "Allow" }).click();
  await answers().filter({ hasText: "output-available" }).waitFor();
  await isIdle();
});
