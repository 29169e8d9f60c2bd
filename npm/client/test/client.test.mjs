// The client against the program with its local Supabase.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createChatClient, ProblemError } from "@chat-backend/client";
import { ChatBackendTransport, toUIMessage } from "@chat-backend/client/ai-sdk";
import { startServer } from "../../../console/test/server.mjs";

let server, client;

before(async () => {
  server = await startServer();
  const signUp = await fetch(`${server.supabase}/auth/v1/signup`, {
    method: "POST",
    headers: { apikey: server.key, "content-type": "application/json" },
    body: JSON.stringify({ email: "ada@example.com", password: "correct horse" }),
  });
  const { access_token } = await signUp.json();
  client = createChatClient({ url: server.url, token: () => access_token });
});

after(() => server?.stop());

async function collect(events) {
  const found = [];
  for await (const event of events) found.push(event);
  return found;
}

test("an answer is streamed, stored, and another version of it selected", async () => {
  const chat = await client.chats.create({ title: "Trip" });
  const events = await collect(client.answers.stream(chat.id, { content: "Hello" }));
  assert.equal(events.at(0).type, "start");
  assert.equal(events.at(-1).type, "finish");

  const { items: [question, answer] } = await client.messages.newest(chat.id);
  // It has been read: there is nothing to follow.
  assert.deepEqual(await collect(client.answers.resume(chat.id)), []);
  assert.deepEqual([question.role, answer.id], ["user", events[0].messageId]);
  await client.answers.generate(chat.id, { regenerate: answer.id });
  await client.messages.select(answer.id);
  const again = await client.messages.newest(chat.id, { include: "siblings" });
  assert.equal(again.items[1].id, answer.id);
  assert.equal(again.items[1].sibling_ids.length, 2);
  assert.deepEqual(toUIMessage(answer).parts, answer.parts);
  assert.equal((await client.usage()).totals.requests, 2);
  assert.equal((await client.statistics()).total_chats, 1);
});

test("lists are read page by page, and a refusal is a problem", async () => {
  for (const title of ["One", "Two", "Three"]) await client.chats.create({ title });
  const titles = [];
  for await (const chat of client.chats.all({ limit: 1 })) titles.push(chat.title);
  assert.equal(titles.length, 4);
  const missing = client.chats.get("0199f0c2-7c1e-7d53-b3ac-4a2c5a1f0e6b");
  await assert.rejects(missing, (error) => error instanceof ProblemError && error.code === "chat_not_found");
  const { id } = await client.chats.create();
  const transport = new ChatBackendTransport(client);
  const refused = transport.sendMessages({
    chatId: id, trigger: "submit-message", messageId: undefined, abortSignal: undefined,
    messages: [{ id: "m", role: "user", parts: [{ type: "text", text: "/error overloaded" }] }],
  });
  await assert.rejects(refused, (error) => error.code === "provider_overloaded" && /^[A-Z]/.test(error.message));
});

test("a file goes into a script and another comes back", async () => {
  const file = await client.files.upload(new File(["1,2"], "numbers.csv", { type: "text/csv" }));
  const run = await client.scripts.run({ code: `files.write("sum.txt", files.read("numbers.csv").replace(",", "+"))`, files: [file.id] });
  assert.equal(run.status, "ok");
  assert.equal(await (await client.files.content(run.files[0].id)).text(), "1+2");
  assert.equal((await client.scripts.list()).items[0].id, run.id);
  await client.scripts.delete(run.id);
  await assert.rejects(client.scripts.get(run.id), { code: "script_run_not_found" });
});
