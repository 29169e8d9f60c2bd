// The console in a browser, at two sizes and in both colour schemes, with a server of its own.
// The page is the program's; with CONSOLE_FROM_DISK it is what was built last.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { startBrowser } from "./browser.mjs";
import { serve } from "../serve.mjs";
import { startServer } from "./server.mjs";

const SCREENS = [
  { viewport: { width: 1280, height: 800 }, colorScheme: "light" },
  { viewport: { width: 390, height: 844 }, colorScheme: "dark" },
];
const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
let server, front, browser, address;

before(async () => {
  server = await startServer();
  address = server.url;
  if (process.env.CONSOLE_FROM_DISK) {
    front = await serve({ port: 0, api: new URL(server.url) });
    address = `http://127.0.0.1:${front.address().port}`;
  }
  browser = await startBrowser();
});

after(async () => {
  await browser?.close();
  front?.close();
  await server?.stop();
});

/** A page on which nothing goes wrong unnoticed. */
async function open(options, url = address) {
  const page = await browser.newPage(options);
  const problems = [];
  page.setDefaultTimeout(20_000);
  page.on("pageerror", (error) => problems.push(error.message));
  // A refused request is a line of the console too; the page shows it.
  page.on("console", (line) => {
    if (line.type() === "error" && !line.text().includes("Failed to load resource")) problems.push(line.text());
  });
  await page.goto(`${url}/`);
  return { page, problems };
}

async function signUp(page, email) {
  await page.getByLabel("Email").fill(email);
  await page.getByLabel("Password").fill("correct horse");
  await page.getByRole("button", { name: "Create account" }).click();
  await page.getByRole("textbox", { name: "Message" }).waitFor();
}

async function ask(page, text) {
  await page.getByRole("textbox", { name: "Message" }).fill(text);
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Stop" }).waitFor();
}

/** All that the page has asked the API for. */
async function sent(page) {
  await page.getByRole("button", { name: "Requests" }).click();
  const panel = page.getByRole("complementary", { name: "Requests" });
  const text = await panel.textContent();
  await panel.getByRole("button", { name: "Close" }).click();
  return text;
}

const alerts = (page) => page.getByRole("alert").filter({ hasText: /\w/ });
const isIdle = (page) => page.getByRole("button", { name: "Send" }).waitFor();
const answers = (page) => page.getByRole("article", { name: "Assistant" });

/** Serious findings of axe. It is run beside the page's own scripts, which the page's policy allows no other. */
async function findings(page) {
  const session = await page.context().newCDPSession(page);
  const { frameTree } = await session.send("Page.getFrameTree");
  const { executionContextId: contextId } = await session.send(
    "Page.createIsolatedWorld", { frameId: frameTree.frame.id },
  );
  const expression = `${axe}; axe.run().then(({ violations }) => violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => id + ": " + nodes.map(({ html }) => html).join(" ")))`;
  const reply = await session.send("Runtime.evaluate", { expression, contextId, awaitPromise: true, returnByValue: true });
  assert.equal(reply.exceptionDetails, undefined);
  return reply.result.value;
}

for (const screen of SCREENS) {
  const { width } = screen.viewport;
  test(`every view is usable at ${width} pixels, ${screen.colorScheme}`, async () => {
    const { page, problems } = await open(screen);
    const check = async (view) => {
      assert.deepEqual(await findings(page), [], view);
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth) <= width, `${view} is too wide`);
    };
    await page.getByRole("button", { name: "Sign in" }).waitFor();
    await check("sign in");
    await signUp(page, `ada-${width}@example.com`);
    await check("new chat");
    await page.getByRole("combobox", { name: "Assistant" }).selectOption("Travel agent");
    await page.getByText("Plans trips.").waitFor();
    await check("new chat with an assistant");
    await page.getByRole("combobox", { name: "Assistant" }).selectOption("No assistant");
    for (const text of ["/markdown", "/reasoning", "/tool"]) {
      await ask(page, text);
      await isIdle(page);
    }
    await page.locator("summary", { hasText: "Tool" }).click();
    await answers(page).filter({ hasText: "$0.00" }).first().waitFor();
    await check("chat");
    await page.getByRole("button", { name: "Requests" }).click();
    await page.getByText("curl", { exact: true }).first().waitFor();
    await check("requests");
    await page.getByRole("button", { name: "Close" }).click();
    if (width < 700) {
      await page.getByRole("button", { name: "Menu" }).click();
      await check("menu");
    }
    await page.getByRole("link", { name: "Scripts and files" }).click();
    await page.getByRole("button", { name: "Run", exact: true }).click();
    await page.getByText("3 rows").waitFor();
    await check("scripts");
    if (width < 700) await page.getByRole("button", { name: "Menu" }).click();
    await page.getByRole("link", { name: "Usage" }).click();
    await page.getByRole("figure").filter({ hasText: "Latency" }).waitFor();
    await check("usage");
    assert.deepEqual(problems, []);
    await page.close();
  });
}

test("an answer is resumed after a reload, stopped, edited and regenerated", async () => {
  const { page, problems } = await open();
  await page.getByRole("button", { name: "Continue as guest" }).click();
  await ask(page, "/slow 12");
  await answers(page).filter({ hasText: /\w/ }).waitFor();
  await page.reload();
  await page.getByRole("button", { name: "Stop" }).waitFor();
  await isIdle(page);
  const whole = await answers(page).innerText();
  assert.ok(whole.split(/\s+/).length >= 12, whole);

  await page.getByRole("button", { name: "Edit" }).click();
  await page.getByRole("textbox", { name: "Edit the message" }).fill("/slow 200");
  await page.getByRole("button", { name: "Save and ask again" }).click();
  await answers(page).filter({ hasText: /\w/ }).waitFor();
  await page.getByRole("button", { name: "Stop" }).click();
  await isIdle(page);
  await answers(page).filter({ hasText: "Stopped" }).waitFor();

  await page.getByRole("button", { name: "Edit" }).click();
  await page.getByRole("textbox", { name: "Edit the message" }).fill("/length");
  await page.getByRole("button", { name: "Save and ask again" }).click();
  await page.getByRole("button", { name: "Regenerate" }).waitFor();
  await page.getByRole("button", { name: "Regenerate" }).click();
  await page.getByRole("button", { name: "Stop" }).waitFor();
  await isIdle(page);
  assert.equal(await answers(page).count(), 1);

  await answers(page).getByText("2 of 2").waitFor();
  await answers(page).getByRole("button", { name: "Earlier version" }).click();
  await answers(page).getByText("1 of 2").waitFor();
  await page.getByRole("article", { name: "You" }).getByRole("button", { name: "Earlier version" }).click();
  await answers(page).filter({ hasText: "Stopped" }).waitFor();
  assert.deepEqual(problems, []);
  await page.close();
});

test("a chat is begun with an assistant, who decides the model", async () => {
  const { page, problems } = await open();
  await signUp(page, "tom@example.com");
  const assistant = page.getByRole("combobox", { name: "Assistant" });
  const model = page.getByLabel("Model", { exact: true });
  await page.getByText("Options").click();
  await page.getByLabel("Run scripts").check();
  await assistant.selectOption("Travel agent");
  await model.waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Where is it warm" }).click();
  await page.getByRole("article", { name: "You" }).filter({ hasText: "Where is it warm" }).waitFor();
  await page.getByText("Assistant: Travel agent").waitFor();
  await answers(page).getByRole("button", { name: "Regenerate" }).waitFor();
  await assistant.waitFor({ state: "detached" });
  // What was chosen before the assistant is not sent.
  const first = await sent(page);
  assert.match(first, /"assistant":\s*"travel"/);
  assert.match(first, /Where is it warm/);
  assert.doesNotMatch(first, /"tools"|"model":\s*"/);
  await page.reload();
  await page.getByText("Assistant: Travel agent").waitFor();
  await ask(page, "And in April?");
  await isIdle(page);
  await answers(page).nth(1).getByRole("button", { name: "Regenerate" }).waitFor();
  assert.equal(await answers(page).count(), 2);
  assert.equal(await alerts(page).count(), 0);
  assert.equal(await model.count(), 0);
  assert.deepEqual(problems, []);
  await page.close();
});

test("where only assistants answer, a chat begins with the first of them", async () => {
  const strict = await startServer({ ASSISTANTS_ONLY: "true" });
  const { page, problems } = await open({}, strict.url);
  try {
    await page.getByRole("button", { name: "Continue as guest" }).click();
    const assistant = page.getByRole("combobox", { name: "Assistant" });
    await page.getByText("Plans trips.").waitFor();
    assert.equal(await assistant.inputValue(), "travel");
    assert.deepEqual(await assistant.getByRole("option").allInnerTexts(), ["Travel agent"]);
    assert.equal(await page.getByLabel("Model", { exact: true }).count(), 0);
    await ask(page, "Where is it warm?");
    await isIdle(page);
    await answers(page).getByRole("button", { name: "Regenerate" }).waitFor();
    await page.getByText("Assistant: Travel agent").waitFor();
    assert.equal(await alerts(page).count(), 0);
    assert.deepEqual(problems, []);
  } finally {
    await page.close();
    await strict.stop();
  }
});

test("chats are found, bookmarked, renamed, archived and deleted", async () => {
  const { page, problems } = await open();
  await signUp(page, "bob@example.com");
  const list = page.getByRole("region", { name: "Chats" }).getByRole("listitem");
  await ask(page, "Where is Rome?");
  await isIdle(page);
  await page.getByRole("button", { name: "Bookmark" }).click();
  await list.getByRole("img", { name: "bookmarked" }).waitFor();
  await page.getByRole("button", { name: "Rename" }).click();
  await page.getByLabel("Title", { exact: true }).fill("A trip");
  await page.getByRole("dialog").getByRole("button", { name: "Rename" }).click();
  await list.filter({ hasText: "A trip" }).waitFor();
  await page.getByRole("searchbox").fill("nowhere");
  await list.waitFor({ state: "detached" });
  await page.getByRole("searchbox").fill("Rome");
  await list.waitFor();
  await page.getByRole("button", { name: "Archive" }).click();
  await list.waitFor({ state: "detached" });
  await page.getByLabel("Which chats").selectOption("Archived");
  await list.waitFor();
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await list.waitFor({ state: "detached" });
  assert.deepEqual(problems, []);
  await page.close();
});

test("files are attached, and errors are sentences", async () => {
  const { page, problems } = await open();
  await signUp(page, "eve@example.com");
  const notes = { name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("Hi") };
  await page.getByLabel("Attach").setInputFiles(notes);
  await page.getByText("notes.txt (2 B)").waitFor();
  await ask(page, "What is in it?");
  await page.getByRole("article", { name: "You" }).getByRole("link", { name: "notes.txt" }).waitFor();
  await isIdle(page);
  await page.getByRole("textbox", { name: "Message" }).fill("/error overloaded");
  await page.keyboard.press("Enter");
  const alert = page.getByRole("alert").filter({ hasText: "provider_overloaded" });
  await alert.waitFor();
  assert.match(await alert.innerText(), /^[A-Z][^{}]+\./);
  await page.getByRole("button", { name: "Requests" }).click();
  await page.getByText(`"text": "/error overloaded"`).first().waitFor();
  assert.deepEqual(problems, []);
  await page.close();
});
