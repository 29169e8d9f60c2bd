export { createChatClient, type ChatClient, type ClientOptions } from "./client.js";
export { ProblemError, type Problem } from "./problem.js";
export type { Page } from "./pages.js";
export { StreamBrokenError, type StreamEvent } from "./stream.js";
export type { components, paths } from "./schema.js";
export type * from "./types.js";
