// One chat: its newest messages, the answer that is being written, and what can be done.
import { StreamBrokenError, ProblemError } from "@chat-backend/client";
import type { ChatClient, ChatGenerate, Decision, Message, MessagePart, StreamEvent } from "@chat-backend/client";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { v4 as uuid } from "uuid";
import { AnswerReader, type Answer } from "./answer";

/** What is shown of a message; one that is being sent has no more yet. */
export type Shown = Pick<Message, "id" | "role" | "parts" | "metadata"> & Partial<Message>;

export interface Failure {
  error: unknown;
  retry: (() => void) | undefined;
}

export type Options = Pick<ChatGenerate, "assistant" | "model" | "reasoning_effort"> & { tools?: string[] };

type Start = () => AsyncIterable<StreamEvent>;

const DRAW_EVERY_MS = 40;
const RECONNECT_AFTER_MS = 1500;
const RECONNECTS = 20;

export function useConversation(client: ChatClient, chat: string, isNew: boolean, onChange: () => void) {
  const [messages, setMessages] = useState<Shown[]>([]);
  const [earlier, setEarlier] = useState<string>();
  const [answer, setAnswer] = useState<Answer>();
  const [isRunning, setRunning] = useState(false);
  const [failure, setFailure] = useState<Failure>();
  const leaving = useRef(new AbortController());
  /** What was sent last, which stays to be seen if the server did not take it. */
  const sent = useRef<Shown>(undefined);

  /** Reads the newest messages; returns whether an answer is being written. */
  const load = useCallback(async (): Promise<boolean> => {
    const { items, next } = await client.messages.newest(chat, { include: "siblings" });
    // The stream brings an unfinished answer again from its start.
    const shown: Shown[] = items.filter((message) => message.status !== "streaming");
    const { current } = sent;
    if (items.some((message) => message.id === current?.id)) sent.current = undefined;
    else if (current) shown.push(current);
    setMessages(shown);
    setEarlier(next);
    return shown.length < items.length;
  }, [client, chat]);

  const run = useCallback(async (start: Start) => {
    setFailure(undefined);
    setRunning(true);
    try {
      await follow(start, () => client.answers.resume(chat, leaving.current), setAnswer);
    } catch (error) {
      setFailure({ error, retry: () => run(start) });
    }
    if (leaving.current.signal.aborted) return;
    await load().catch(() => {});
    setAnswer(undefined);
    setRunning(false);
    onChange();
  }, [client, chat, load]);

  useEffect(() => {
    leaving.current = new AbortController();
    const open = async () => {
      try {
        if (await load()) await run(() => client.answers.resume(chat, leaving.current));
      } catch (error) {
        setFailure({ error, retry: open });
      }
    };
    if (!isNew) void open();
    // The answer goes on without this page.
    return () => leaving.current.abort();
  }, [chat]);

  const ask = (request: ChatGenerate): Start => async function* () {
    if (isNew) {
      const { assistant = null, model = null } = request;
      await client.chats.create({ id: chat, assistant, model });
      history.replaceState(null, "", `#/chats/${chat}`);
      dispatchEvent(new HashChangeEvent("hashchange"));
    }
    yield* client.answers.stream(chat, request, leaving.current);
  };
  /** Shows what is before a message, and then another one if there is one. */
  const cut = (id: string, ...then: Shown[]) => {
    sent.current = undefined;
    setMessages([...messages.slice(0, messages.findIndex((message) => message.id === id)), ...then]);
  };
  const fail = (error: unknown) => setFailure({ error, retry: undefined });

  return {
    messages, answer, isRunning, failure,
    send(parts: MessagePart[], options: Options) {
      // With an id of its own a message can be sent again without being asked twice.
      const message = { id: uuid(), parts };
      sent.current = { ...message, role: "user", metadata: {} };
      setMessages([...messages, sent.current]);
      void run(ask({ message, ...options }));
    },
    edit(id: string, parts: MessagePart[], options: Options) {
      cut(id, { id, role: "user", parts, metadata: {} });
      void run(ask({ message: { id, parts }, trigger: "submit-message", ...options }));
    },
    regenerate(id: string, options: Options) {
      cut(id);
      void run(ask({ regenerate: id, ...options }));
    },
    /** Shows another version of a message, and what followed it. */
    async select(id: string) {
      sent.current = undefined;
      try {
        await client.messages.select(id);
        await load();
      } catch (error) {
        fail(error);
      }
    },
    /** Decides on a call that waits; the rest of the answer follows when none is left. */
    decide(approval: string, decision: Decision) {
      void run(() => client.answers.decide(chat, approval, decision, leaving.current));
    },
    async stop() {
      await client.answers.stop(chat).catch(fail);
    },
    /** Reads the page of messages before the first shown; undefined if there is none. */
    showEarlier: earlier === undefined ? undefined : async () => {
      try {
        const page = await client.messages.newest(chat, { include: "siblings", cursor: earlier });
        setMessages((shown) => [...page.items, ...shown]);
        setEarlier(page.next);
      } catch (error) {
        fail(error);
      }
    },
  };
}

/** Follows an answer to its end, over broken connections too. */
async function follow(start: Start, resume: Start, show: (answer: Answer) => void): Promise<void> {
  for (let attempt = 0, events = start(); ; attempt += 1, events = resume()) {
    try {
      return await read(events, show);
    } catch (error) {
      const isBroken = error instanceof StreamBrokenError || (attempt > 0 && error instanceof TypeError);
      if (!isBroken || attempt === RECONNECTS) throw error;
      await new Promise((resolve) => setTimeout(resolve, RECONNECT_AFTER_MS));
    }
  }
}

async function read(events: AsyncIterable<StreamEvent>, show: (answer: Answer) => void): Promise<void> {
  const reader = new AnswerReader();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const draw = () => {
    timer = undefined;
    show({ ...reader.answer, parts: [...reader.answer.parts] });
  };
  try {
    for await (const event of events) {
      if (event.type === "data-error") throw new ProblemError(event.data, undefined);
      reader.add(event);
      timer ??= setTimeout(draw, DRAW_EVERY_MS);
    }
  } finally {
    clearTimeout(timer);
  }
}
