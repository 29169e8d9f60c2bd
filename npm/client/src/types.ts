import type { components } from "./schema.js";

type Schemas = components["schemas"];

export type Chat = Schemas["Chat"];
export type CreateChat = Schemas["CreateChat"];
export type UpdateChat = Schemas["UpdateChat"];
export type Message = Schemas["Message"];
export type MessagePart = Schemas["MessagePart"];
export type CreateMessage = Schemas["CreateMessage"];
export type UpdateMessage = Schemas["UpdateMessage"];
export type ChatAnswer = Schemas["ChatAnswer"];
export type ChatGenerate = Schemas["ChatGenerate"];
export type Assistant = Schemas["Assistant"];
export type Model = Schemas["Model"];
export type ChatFile = Schemas["File"];
export type NewEvent = Schemas["NewEvent"];
export type TokenUsage = Schemas["TokenUsage"];
export type UsageReport = Schemas["UsageReport"];
export type ChatStatistics = Schemas["ChatStatistics"];
export type ScriptRun = Schemas["ScriptRun"];
export type StoredScriptRun = Schemas["StoredScriptRun"];
export type ScriptRunSummary = Schemas["ScriptRunSummary"];
export type ScriptCapabilities = Schemas["Capabilities"];
export type PendingApproval = Schemas["PendingApproval"];
/** Whether a call may be made, and why. */
export type Decision = Pick<Schemas["ToolCallResult"], "approved" | "reason" | "arguments" | "remember" | "digest">;
export type RunScript = Schemas["RunScript"];
