"use client";

import { useChat } from "@ai-sdk/react";
import { ChatBackendTransport } from "@chat-backend/client/ai-sdk";
import type { UIMessage } from "ai";
import { useMemo } from "react";
import { client } from "./backend";

interface Props {
  chatId: string;
  initialMessages: UIMessage[];
  /** An answer is being written: the stream brings it from its start. */
  isWriting: boolean;
}

export function Chat({ chatId, initialMessages, isWriting }: Props) {
  const transport = useMemo(() => new ChatBackendTransport(client), []);
  const { messages, sendMessage, regenerate, status, error } = useChat({
    id: chatId,
    messages: initialMessages,
    resume: isWriting,
    transport,
    generateId: () => crypto.randomUUID(),
  });
  const isBusy = status === "submitted" || status === "streaming";
  const send = (form: FormData) => void sendMessage({ text: String(form.get("text")) });

  return (
    <>
      {messages.map((message) => (
        <article key={message.id} aria-label={message.role}>
          <b>{message.role}</b>
          <p style={{ whiteSpace: "pre-wrap" }}>{textOf(message)}</p>
        </article>
      ))}
      {error && <p role="alert">{error.message} <button onClick={() => regenerate()}>Try again</button></p>}
      <form action={send}>
        <input name="text" aria-label="Message" required />
        {isBusy
          ? <button type="button" onClick={() => transport.stop(chatId)}>Stop</button>
          : <button>Send</button>}
      </form>
    </>
  );
}

function textOf(message: UIMessage): string {
  return message.parts.map((part) => (part.type === "text" ? part.text : "")).join("");
}
