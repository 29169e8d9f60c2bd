// What a front end writes, compiled with the strictest settings: no casts, no `any`.
import { createChatClient, ProblemError } from "../src/index.js";
import { ChatBackendTransport, toUIMessage } from "../src/ai-sdk.js";

const client = createChatClient({ url: "http://127.0.0.1:8000", token: async () => "token" });

export async function tour(): Promise<string> {
  const chat = await client.chats.create({ title: "Trip" });
  const answer = await client.answers.generate(chat.id, { content: "Hello" });
  let text = answer.message.content;
  for await (const event of client.answers.stream(chat.id, { content: "And more" })) {
    if (event.type === "text-delta") text += event.delta;
    if (event.type === "error") throw new Error(event.errorText);
  }
  for await (const other of client.chats.all({ archived: false })) text += other.title;
  const { items, next } = await client.messages.newest(chat.id);
  for (const part of items.flatMap((message) => message.parts)) {
    if (part.type === "text" && typeof part["text"] === "string") text += part["text"];
  }
  await client.chats.update(chat.id, { metadata: { colour: "red" }, is_bookmarked: true });
  await client.track({ name: "answer_copied", properties: { length: text.length } });
  const usage = await client.usage({ interval: "day" });
  text += usage.totals.total_tokens;
  const { data } = await client.api.GET("/api/scripts/capabilities");
  text += data?.limits.timeout_ms ?? "";
  try {
    await client.chats.get("0199f0c2-7c1e-7d53-b3ac-4a2c5a1f0e6b");
  } catch (error) {
    if (error instanceof ProblemError && error.code === "chat_not_found") text += error.message;
  }
  return text + (next ?? "");
}

export const transport = new ChatBackendTransport(client, { model: "scripted/demo" });
export const history = async (chat: string) =>
  (await client.messages.newest(chat)).items
    .filter((message) => message.status !== "streaming")
    .map(toUIMessage);
