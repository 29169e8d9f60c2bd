"use client";

import type { UIMessage } from "ai";
import { toUIMessage } from "@chat-backend/client/ai-sdk";
import { useEffect, useState } from "react";
import { client, supabase } from "./backend";
import { Chat } from "./chat";

interface Opened {
  id: string;
  messages: UIMessage[];
  isWriting: boolean;
}

/** The newest chat of a guest, who keeps the session in this browser. */
export default function Page() {
  const [chat, setChat] = useState<Opened>();
  const [problem, setProblem] = useState("");

  useEffect(() => {
    signIn().then(openNewest).then(setChat, (error: Error) => setProblem(error.message));
  }, []);

  if (!chat) return <p role="alert">{problem}</p>;
  const begin = () => setChat({ id: crypto.randomUUID(), messages: [], isWriting: false });
  return (
    <main>
      <button onClick={begin}>New chat</button>
      <Chat key={chat.id} chatId={chat.id} initialMessages={chat.messages} isWriting={chat.isWriting} />
    </main>
  );
}

async function signIn(): Promise<void> {
  const { data } = await supabase.auth.getSession();
  if (data.session) return;
  const { error } = await supabase.auth.signInAnonymously();
  if (error) throw error;
}

async function openNewest(): Promise<Opened> {
  const { items: [newest] } = await client.chats.list({ limit: 1 });
  // A chat is created by its first message.
  if (!newest) return { id: crypto.randomUUID(), messages: [], isWriting: false };
  const { items } = await client.messages.newest(newest.id);
  const ended = items.filter((message) => message.status !== "streaming");
  return { id: newest.id, messages: ended.map(toUIMessage), isWriting: ended.length < items.length };
}
