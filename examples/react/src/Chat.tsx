import { ProblemError, type Assistant } from "@chat-backend/client";
import { ChatBackendTransport, toUIMessage } from "@chat-backend/client/ai-sdk";
import { useChat } from "@ai-sdk/react";
import { lastAssistantMessageIsCompleteWithApprovalResponses, type UIMessage } from "ai";
import { useEffect, useMemo, useState } from "react";
import { Assistants } from "./Assistants";
import { client } from "./backend";
import { Composer } from "./Composer";
import { MessageView } from "./MessageView";

/** What a chat begins with: its newest messages, and where earlier ones are. */
interface History {
  messages: UIMessage[];
  earlier: string | undefined;
  /** An answer is being written. */
  isWriting: boolean;
}

const NOTHING: History = { messages: [], earlier: undefined, isWriting: false };

/** A chat as it is opened: who answers in it, and who could in a new one. */
interface Opened extends History {
  assistant: string | undefined;
  assistants: Assistant[];
  /** Why nobody knows who could. */
  problem: string;
}

interface Props {
  chatId: string;
  /** The server knows nothing of it yet. */
  isNew: boolean;
  onEnd(): void;
}

export function Chat({ chatId, isNew, onEnd }: Props) {
  const [opened, setOpened] = useState<Opened>();
  const [problem, setProblem] = useState("");
  useEffect(() => {
    open(chatId, isNew).then(setOpened, (error: Error) => setProblem(error.message));
  }, [chatId]);
  if (!opened) return <main><p role="alert">{problem}</p></main>;
  return <Conversation chatId={chatId} opened={opened} onEnd={onEnd} />;
}

async function open(chatId: string, isNew: boolean): Promise<Opened> {
  const offered = client.assistants().then(
    (assistants) => ({ assistants, problem: "" }),
    // The chat can be read all the same.
    (error: Error) => ({ assistants: [], problem: error.message }),
  );
  const empty = async () => ({ ...NOTHING, assistant: undefined, ...(await offered) });
  if (isNew) return empty();
  try {
    const [chat, history] = await Promise.all([client.chats.get(chatId), readHistory(chatId)]);
    return { ...history, assistant: chat.assistant ?? undefined, ...(await offered) };
  } catch (error) {
    // A new chat that was loaded again before its first message, which creates it.
    if (error instanceof ProblemError && error.code === "chat_not_found") return empty();
    throw error;
  }
}

async function readHistory(chatId: string, cursor?: string): Promise<History> {
  const { items, next } = await client.messages.newest(chatId, cursor === undefined ? {} : { cursor });
  // The stream brings an unfinished answer again from its start.
  const ended = items.filter((message) => message.status !== "streaming");
  return { messages: ended.map(toUIMessage), earlier: next, isWriting: ended.length < items.length };
}

function Conversation({ chatId, opened, onEnd }: Omit<Props, "isNew"> & { opened: Opened }) {
  const transport = useMemo(() => new ChatBackendTransport(client, { approvals: "ai-sdk" }), []);
  const [earlier, setEarlier] = useState(opened.earlier);
  const [assistantId, setAssistantId] = useState(opened.assistant);
  const assistant = opened.assistants.find(({ id }) => id === assistantId);
  // The first message makes it the chat's.
  const request = { body: { assistant: assistantId } };
  const { messages, setMessages, sendMessage, regenerate, addToolApprovalResponse, status, error } = useChat({
    id: chatId,
    messages: opened.messages,
    resume: opened.isWriting,
    transport,
    // The messages have the same ids here and on the server.
    generateId: () => crypto.randomUUID(),
    onFinish: onEnd,
    // The answer goes on when the last of its calls is decided.
    sendAutomaticallyWhen: lastAssistantMessageIsCompleteWithApprovalResponses,
  });
  const isBusy = status === "submitted" || status === "streaming";

  const showEarlier = async () => {
    const page = await readHistory(chatId, earlier);
    setMessages((shown) => [...page.messages, ...shown]);
    setEarlier(page.earlier);
  };

  return (
    <main>
      {messages.length > 0 && assistantId && <p>Assistant: {assistant?.name ?? assistantId}</p>}
      <div className="messages">
        {messages.length === 0 && opened.problem && <p role="alert">{opened.problem}</p>}
        {messages.length === 0 && opened.assistants.length > 0 && (
          <Assistants
            assistants={opened.assistants}
            chosen={assistant}
            choose={opened.assistant ? undefined : (id) => setAssistantId(id || undefined)}
            onSend={(text) => sendMessage({ text }, request)}
          />
        )}
        {earlier && <button onClick={showEarlier}>Earlier messages</button>}
        {messages.map((message) => (
          <MessageView
            key={message.id}
            message={message}
            isBusy={isBusy}
            onEdit={(text) => sendMessage({ text, messageId: message.id }, request)}
            onRegenerate={() => regenerate({ messageId: message.id, ...request })}
            onDecide={(id, approved) => addToolApprovalResponse({ id, approved })}
          />
        ))}
        {error && <p role="alert">{error.message} <button onClick={() => regenerate(request)}>Try again</button></p>}
      </div>
      <Composer
        isBusy={isBusy}
        onSend={(text, files) => sendMessage({ text, files }, request)}
        // Stopped by the server, the stream ends by itself. The SDK's own stop would leave the answer running.
        onStop={() => transport.stop(chatId)}
      />
    </main>
  );
}
