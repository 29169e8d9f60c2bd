import { DefaultChatTransport, type UIMessage } from "ai";
import type { ChatClient } from "./client.js";
import { ProblemError } from "./problem.js";
import type { ChatGenerate } from "./types.js";

/** What a request may say beyond the messages: model, system prompt, tools… */
type Body = Omit<ChatGenerate, "id" | "messages" | "message" | "content" | "trigger" | "messageId" | "stream">;

/**
 * A transport for `useChat` that knows the server's address and the session's token. A refused request is a
 * `ProblemError`, so that `error.message` of `useChat` is always a sentence for people:
 * `useChat({ id, messages, resume: true, transport: new ChatBackendTransport(client) })`.
 */
export class ChatBackendTransport<Message extends UIMessage = UIMessage> extends DefaultChatTransport<Message> {
  readonly #client: ChatClient;

  constructor(client: ChatClient, body: Body | (() => Body) = {}) {
    super({
      api: `${client.url.replace(/\/+$/, "")}/api/ai/chat`,
      body,
      fetch: async (...request) => {
        const response = await fetch(...request);
        if (!response.ok) throw await ProblemError.from(response);
        return response;
      },
      headers: async (): Promise<Record<string, string>> => {
        const token = await client.token();
        return token === undefined ? {} : { authorization: `Bearer ${token}` };
      },
    });
    this.#client = client;
  }

  /** Ends the answer on the server; `useChat`'s own `stop` only stops reading it. */
  async stop(chatId: string): Promise<void> {
    await this.#client.answers.stop(chatId);
  }
}

/** A stored message in the form of `useChat`. Leave answers that are still being written to its `resume`. */
export function toUIMessage(message: {
  id: string;
  role: string;
  parts: unknown[];
  metadata: Record<string, unknown>;
}): UIMessage {
  const { id, role, parts, metadata } = message;
  return { id, role: role as UIMessage["role"], parts: parts as UIMessage["parts"], metadata };
}
