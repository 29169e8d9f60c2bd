import { ProblemError } from "@chat-backend/client";
import { ChatBackendTransport, toUIMessage } from "@chat-backend/client/ai-sdk";
import { useChat } from "@ai-sdk/react";
import type { UIMessage } from "ai";
import { useEffect, useMemo, useState } from "react";
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

interface Props {
  chatId: string;
  onEnd(): void;
}

export function Chat({ chatId, onEnd }: Props) {
  const [history, setHistory] = useState<History>();
  const [problem, setProblem] = useState("");
  useEffect(() => {
    readHistory(chatId).then(setHistory, (error: Error) => setProblem(error.message));
  }, [chatId]);
  if (!history) return <main><p role="alert">{problem}</p></main>;
  return <Conversation chatId={chatId} history={history} onEnd={onEnd} />;
}

async function readHistory(chatId: string, cursor?: string): Promise<History> {
  try {
    const { items, next } = await client.messages.newest(chatId, cursor === undefined ? {} : { cursor });
    // The stream brings an unfinished answer again from its start.
    const ended = items.filter((message) => message.status !== "streaming");
    return { messages: ended.map(toUIMessage), earlier: next, isWriting: ended.length < items.length };
  } catch (error) {
    // The first message creates the chat.
    const isNew = error instanceof ProblemError && error.code === "chat_not_found";
    if (isNew) return { messages: [], earlier: undefined, isWriting: false };
    throw error;
  }
}

function Conversation({ chatId, history, onEnd }: Props & { history: History }) {
  const transport = useMemo(() => new ChatBackendTransport(client), []);
  const [earlier, setEarlier] = useState(history.earlier);
  const { messages, setMessages, sendMessage, regenerate, status, error } = useChat({
    id: chatId,
    messages: history.messages,
    resume: history.isWriting,
    transport,
    // The messages have the same ids here and on the server.
    generateId: () => crypto.randomUUID(),
    onFinish: onEnd,
  });
  const isBusy = status === "submitted" || status === "streaming";

  const showEarlier = async () => {
    const page = await readHistory(chatId, earlier);
    setMessages((shown) => [...page.messages, ...shown]);
    setEarlier(page.earlier);
  };

  return (
    <main>
      <div className="messages">
        {earlier && <button onClick={showEarlier}>Earlier messages</button>}
        {messages.map((message) => (
          <MessageView
            key={message.id}
            message={message}
            isBusy={isBusy}
            onEdit={(text) => sendMessage({ text, messageId: message.id })}
            onRegenerate={() => regenerate({ messageId: message.id })}
          />
        ))}
        {error && <p role="alert">{error.message} <button onClick={() => regenerate()}>Try again</button></p>}
      </div>
      <Composer
        isBusy={isBusy}
        onSend={(text, files) => sendMessage({ text, files })}
        // Stopped by the server, the stream ends by itself. The SDK's own stop would leave the answer running.
        onStop={() => transport.stop(chatId)}
      />
    </main>
  );
}
