import type { Assistant, Model } from "@chat-backend/client";
import { useState } from "preact/hooks";
import { useConversation, type Options, type Shown } from "../conversation";
import type { Loaded } from "../loading";
import { useLoaded } from "../loading";
import { useServices } from "../services";
import { AssistantSelect } from "./AssistantSelect";
import { ChatHeader } from "./ChatHeader";
import { Composer } from "./Composer";
import { MessageView } from "./MessageView";
import { OptionsForm } from "./OptionsForm";
import { Problem } from "./Problem";

interface Props {
  chat: string;
  isNew: boolean;
  models: Loaded<Model[]>;
  assistants: Loaded<Assistant[]>;
  changes: number;
  onChange(): void;
}

export function ChatView({ chat, isNew, models, assistants, changes, onChange }: Props) {
  const { client, config } = useServices();
  const [options, setOptions] = useState<Options>({});
  const conversation = useConversation(client, chat, isNew, onChange);
  const details = useLoaded(async () => (isNew ? undefined : client.chats.get(chat)), [client, chat, isNew, changes]);
  const { messages, answer, isRunning, failure, showEarlier } = conversation;
  const isEmpty = messages.length === 0 && !isRunning;
  const model = options.model ?? models.value?.find(({ is_default }) => is_default)?.id;
  // Where a chat needs one, it is the first until another is chosen.
  const first = isNew && config.assistants_only ? assistants.value?.[0]?.id : undefined;
  // One that is offered no longer has its id only.
  const assistantId = options.assistant ?? details.value?.assistant ?? first;
  const assistant = assistants.value?.find(({ id }) => id === assistantId);
  const send = (parts: Shown["parts"]) => conversation.send(parts, isNew && assistantId ? { assistant: assistantId } : options);
  /** A chat remembers its model. */
  const choose = (chosen: Options) => {
    setOptions(chosen);
    if (isNew || chosen.model === options.model) return;
    void client.chats.update(chat, { model: chosen.model ?? null }).then(details.reload, details.reload);
  };

  const view = (message: Shown) => (
    <MessageView
      key={message.id}
      message={message}
      onEdit={isRunning ? undefined : (parts) => conversation.edit(message.id, parts, options)}
      onSelect={isRunning ? undefined : conversation.select}
      onDecide={isRunning ? undefined : conversation.decide}
      onRegenerate={isRunning ? undefined : () => conversation.regenerate(message.id, options)}
    />
  );
  return (
    <section class="chat" aria-label="Chat">
      {details.value
        ? <ChatHeader chat={details.value} assistant={assistant?.name ?? assistantId} onChange={onChange} />
        : <h1 class="hidden">New chat</h1>}
      <div class="scroller" tabIndex={0} role="region" aria-label="Messages">
        <div class="messages">
          {showEarlier && <button class="center" onClick={showEarlier}>Earlier messages</button>}
          <Problem error={details.error} />
          {isEmpty && isNew && (
            <Welcome assistant={assistant} model={model} onSend={(text) => send([{ type: "text", text }])} />
          )}
          {messages.map(view)}
          {isRunning && <MessageView key="answer" message={running(answer)} isRunning />}
          <Problem error={failure?.error} retry={failure?.retry} />
        </div>
      </div>
      <p class="hidden" role="status">{isRunning ? "The answer is being written." : ""}</p>
      <Composer
        isRunning={isRunning}
        onSend={send}
        onStop={conversation.stop}
      >
        {isNew && (
          <AssistantSelect
            assistants={assistants} chosen={assistantId} isNeeded={config.assistants_only}
            onChange={(assistant) => setOptions(assistant === undefined ? {} : { assistant })}
          />
        )}
        {/* An assistant decides the rest. */}
        {assistantId === undefined && !config.assistants_only && (
          <OptionsForm models={models} chatModel={details.value?.model} options={options} onChange={choose} />
        )}
      </Composer>
    </section>
  );
}

function running(answer: { id: string; parts: Shown["parts"]; metadata: Shown["metadata"] } | undefined): Shown {
  return { id: "", parts: [], metadata: {}, ...answer, role: "assistant", status: "streaming" };
}

const COMMANDS = ["/help", "/markdown", "/reasoning", "/tool", "/approve", "/long 300", "/error overloaded"];

interface WelcomeProps {
  assistant: Assistant | undefined;
  model: string | undefined;
  onSend(text: string): void;
}

function Welcome({ assistant, model, onSend }: WelcomeProps) {
  const isScripted = !assistant && model === "scripted/demo";
  const suggestions = assistant?.suggestions ?? (isScripted ? COMMANDS : []);
  return (
    <div class="welcome">
      <h2>{assistant?.name ?? "What would you like to know?"}</h2>
      {assistant?.description && <p>{assistant.description}</p>}
      {isScripted && (
        <p>The scripted model needs no provider’s key. It shows what a front end has to deal with:</p>
      )}
      {suggestions.length > 0 && (
        <ul class="row" aria-label="Suggestions">
          {suggestions.map((text) => <li key={text}><button onClick={() => onSend(text)}>{text}</button></li>)}
        </ul>
      )}
    </div>
  );
}
