// Puts an answer together from the events of its stream.
import type { MessagePart, StreamEvent } from "@chat-backend/client";
import type { ToolPart } from "./parts";

export interface Answer {
  id: string;
  parts: MessagePart[];
  metadata: Record<string, unknown>;
}

export class AnswerReader {
  readonly answer: Answer = { id: "", parts: [], metadata: {} };
  /** The texts that are being written, by the id that the stream gives them. */
  readonly #open = new Map<string, number>();

  add(event: StreamEvent): void {
    switch (event.type) {
      case "start":
        this.answer.id = event.messageId;
        return this.#describe(event.messageMetadata);
      case "message-metadata":
      case "finish":
        return this.#describe(event.messageMetadata);
      case "text-start":
        return this.#begin(event.id, { type: "text", text: "" });
      case "reasoning-start":
        return this.#begin(event.id, { type: "reasoning", text: "" });
      case "text-delta":
      case "reasoning-delta":
        return this.#append(event.id, event.delta);
      case "tool-input-start":
        return this.#tool(event.toolCallId, { type: `tool-${event.toolName}`, state: "input-streaming" });
      case "tool-input-available": {
        const { toolName, input } = event;
        return this.#tool(event.toolCallId, { type: `tool-${toolName}`, state: "input-available", input });
      }
      case "tool-output-available":
        return this.#tool(event.toolCallId, { state: "output-available", output: event.output });
      case "tool-output-error":
        return this.#tool(event.toolCallId, { state: "output-error", errorText: event.errorText });
      case "data-approval":
        return this.#tool(event.data.toolCallId, { state: "approval-requested" });
      case "file":
        this.answer.parts.push(event);
    }
  }

  #describe(metadata: Record<string, unknown> | undefined): void {
    Object.assign(this.answer.metadata, metadata);
  }

  #begin(id: string, part: MessagePart): void {
    this.#open.set(id, this.answer.parts.push(part) - 1);
  }

  /** A part is replaced, never changed: what has not been replaced need not be drawn again. */
  #append(id: string, delta: string): void {
    const index = this.#open.get(id) ?? -1;
    const part = this.answer.parts[index] as { type: string; text: string } | undefined;
    if (part) this.answer.parts[index] = { ...part, text: part.text + delta };
  }

  #tool(toolCallId: string, change: Partial<ToolPart>): void {
    const { parts } = this.answer;
    const index = parts.findIndex((part) => "toolCallId" in part && part.toolCallId === toolCallId);
    const part = { ...parts[index], toolCallId, ...change } as MessagePart;
    // What continues an answer tells of calls before it.
    if (index < 0 && !("type" in change)) return;
    if (index < 0) parts.push(part);
    else parts[index] = part;
  }
}
