// The parts of a message, as they are stored and as the AI SDK shows them.
import type { MessagePart } from "@chat-backend/client";

export type TextPart = { type: "text" | "reasoning"; text: string };
export type FilePart = { type: "file"; mediaType: string; filename?: string; url: string };
export type SourcePart = { type: "source-document"; sourceId: string; title: string; filename?: string };
export type ToolPart = {
  type: `tool-${string}`;
  toolCallId: string;
  /** `input-streaming`, `input-available`, `output-available`, `output-error`… */
  state: string;
  input?: unknown;
  output?: unknown;
  errorText?: string;
  /** The question whether it may be made, and the decision. */
  approval?: { id: string; approved?: boolean; reason?: string };
  callProviderMetadata?: { "chat-backend"?: { approval?: ShownApproval } };
};
/** What a person is shown besides the arguments. */
export interface ShownApproval {
  title?: string;
  target?: string;
  reason?: string;
  expiresAt: string;
  digest: string;
  mayRemember: boolean;
}

export const isText = (part: MessagePart): part is MessagePart & TextPart =>
  part.type === "text" || part.type === "reasoning";
export const isFile = (part: MessagePart): part is MessagePart & FilePart => part.type === "file";
export const isSource = (part: MessagePart): part is MessagePart & SourcePart => part.type === "source-document";
export const isTool = (part: MessagePart): part is MessagePart & ToolPart => part.type.startsWith("tool-");

/** The text of a message, without reasoning. */
export function textOf(parts: MessagePart[]): string {
  return parts.filter((part) => isText(part) && part.type === "text").map((part) => part.text).join("\n\n");
}
