import createClient, { type Client, type Middleware } from "openapi-fetch";
import { allPages, nextCursor, type Page } from "./pages.js";
import { ProblemError } from "./problem.js";
import type { paths } from "./schema.js";
import { readEvents, type StreamEvent } from "./stream.js";
import type {
  Assistant, Chat, ChatAnswer, ChatFile, ChatGenerate, ChatStatistics, CreateChat, CreateMessage, Decision, Message,
  Model, NewEvent, PendingApproval, RunScript, ScriptCapabilities, ScriptRun, ScriptRunSummary, StoredScriptRun,
  UpdateChat, UpdateMessage, UsageReport,
} from "./types.js";

export interface ClientOptions {
  /** Address of the server, such as `https://api.example.com`. */
  url: string;
  /** Returns the access token of the Supabase session; asked before each request. */
  token: () => Promise<string | undefined> | string | undefined;
  /** Used in place of the global `fetch`. */
  fetch?: (request: Request) => Promise<Response>;
}

type ChatFilter = NonNullable<paths["/api/chats/"]["get"]["parameters"]["query"]>;
type MessageFilter =
  NonNullable<paths["/api/messages/chat/{chat_id}"]["get"]["parameters"]["query"]>;
type FileFilter = NonNullable<paths["/api/files/"]["get"]["parameters"]["query"]>;
type UsageQuery = NonNullable<paths["/api/analytics/usage"]["get"]["parameters"]["query"]>;
type StatisticsQuery = NonNullable<paths["/api/analytics/chats/stats"]["get"]["parameters"]["query"]>;
type RunFilter = NonNullable<paths["/api/scripts/runs"]["get"]["parameters"]["query"]>;

interface Cancel {
  signal?: AbortSignal;
}

export type ChatClient = ReturnType<typeof createChatClient>;

/** A client of the API. Every method throws a `ProblemError` when the server refuses. */
export function createChatClient(options: ClientOptions) {
  const api = connect(options);
  return {
    /** Every route of the API, typed by its document, for what has no method here. */
    api,
    url: options.url,
    token: options.token,
    chats: chats(api),
    messages: messages(api),
    answers: answers(api),
    files: files(api),
    scripts: scripts(api),

    async models(): Promise<Model[]> {
      return read(await api.GET("/api/ai/models"));
    },
    /** Who the user may begin a chat with; empty where the operator offers none. */
    async assistants(): Promise<Assistant[]> {
      return read(await api.GET("/api/ai/assistants"));
    },
    async usage(query: UsageQuery = {}): Promise<UsageReport> {
      return read(await api.GET("/api/analytics/usage", { params: { query } })) as UsageReport;
    },
    /** Counts chats and messages, in all and by day. */
    async statistics(query: StatisticsQuery = {}): Promise<ChatStatistics> {
      return read(await api.GET("/api/analytics/chats/stats", { params: { query } }));
    },
    /** Records an event. An `id` makes it safe to send again. */
    async track(event: NewEvent): Promise<void> {
      await api.POST("/api/analytics/events", { body: event });
    },
  };
}

type Api = Client<paths>;

function connect({ url, token, fetch }: ClientOptions): Api {
  const authorize: Middleware = {
    async onRequest({ request }) {
      const current = await token();
      if (current !== undefined) request.headers.set("authorization", `Bearer ${current}`);
      return request;
    },
    async onResponse({ response }) {
      if (!response.ok) throw await ProblemError.from(response);
    },
  };
  const api = createClient<paths>({ baseUrl: url.replace(/\/+$/, ""), ...(fetch && { fetch }) });
  api.use(authorize);
  return api;
}

/** The body of a response. What is not a 2xx has been thrown before. */
function read<Body>({ data }: { data?: Body }): Body {
  return data as Body;
}

function page<Item>(reply: { data?: Item[]; response: Response }): Page<Item> {
  return { items: read(reply), next: nextCursor(reply.response) };
}

function chats(api: Api) {
  const path = (chat_id: string) => ({ params: { path: { chat_id } } });
  const list = async (query: ChatFilter = {}): Promise<Page<Chat>> =>
    page(await api.GET("/api/chats/", { params: { query } }));
  return {
    list,
    /** All chats, newest first, read page by page. */
    all: (query: ChatFilter = {}) => allPages((cursor) => list({ ...query, ...(cursor !== undefined && { cursor }) })),
    async create(chat: CreateChat = {}): Promise<Chat> {
      return read(await api.POST("/api/chats/", { body: chat }));
    },
    async get(id: string): Promise<Chat> {
      return read(await api.GET("/api/chats/{chat_id}", path(id)));
    },
    async update(id: string, changes: UpdateChat): Promise<Chat> {
      return read(await api.PATCH("/api/chats/{chat_id}", { ...path(id), body: changes }));
    },
    async archive(id: string, archived = true): Promise<Chat> {
      return read(await api.POST("/api/chats/{chat_id}/archive", { ...path(id), body: { archived } }));
    },
    async bookmark(id: string, bookmarked = true): Promise<Chat> {
      return read(
        await api.POST("/api/chats/{chat_id}/bookmark", { ...path(id), body: { bookmarked } }),
      );
    },
    async delete(id: string): Promise<void> {
      await api.DELETE("/api/chats/{chat_id}", path(id));
    },
  };
}

function messages(api: Api) {
  const path = (message_id: string) => ({ params: { path: { message_id } } });
  const list = async (chat_id: string, query: MessageFilter = {}): Promise<Page<Message>> =>
    page(await api.GET("/api/messages/chat/{chat_id}", { params: { path: { chat_id }, query } }));
  return {
    list,
    /** The newest messages of a chat, oldest first; `next` is the cursor of earlier ones. */
    async newest(chat: string, query: Omit<MessageFilter, "order"> = {}): Promise<Page<Message>> {
      const found = await list(chat, { limit: 50, ...query, order: "desc" });
      return { ...found, items: found.items.toReversed() };
    },
    async get(id: string): Promise<Message> {
      return read(await api.GET("/api/messages/{message_id}", path(id)));
    },
    /** Adds a message without asking a model. */
    async create(chat_id: string, message: CreateMessage): Promise<Message> {
      const params = { path: { chat_id } };
      return read(await api.POST("/api/messages/chat/{chat_id}", { params, body: message }));
    },
    async update(id: string, changes: UpdateMessage): Promise<Message> {
      return read(await api.PATCH("/api/messages/{message_id}", { ...path(id), body: changes }));
    },
    /** Returns to another version of a message, one of its `sibling_ids`, and what followed it. */
    async select(id: string): Promise<Message> {
      return read(await api.POST("/api/messages/{message_id}/select", path(id)));
    },
    async delete(id: string): Promise<void> {
      await api.DELETE("/api/messages/{message_id}", path(id));
    },
  };
}

function answers(api: Api) {
  const path = (chat_id: string) => ({ params: { path: { chat_id } } });
  return {
    /** Asks and waits for the whole answer. */
    async generate(chat: string, request: ChatGenerate, cancel: Cancel = {}): Promise<ChatAnswer> {
      const body = { ...request, stream: false };
      const reply = await api.POST("/api/ai/chat/{chat_id}/generate", { ...path(chat), body, ...cancel });
      return read(reply) as ChatAnswer;
    },
    /** Asks and follows the answer. It goes on when the caller leaves: `stop` ends it. */
    async *stream(
      chat: string,
      request: ChatGenerate,
      cancel: Cancel = {},
    ): AsyncGenerator<StreamEvent, void, undefined> {
      const body = { ...request, stream: true };
      const reply = await api.POST("/api/ai/chat/{chat_id}/generate", {
        ...path(chat), body, ...cancel, parseAs: "stream",
      });
      if (reply.response.body) yield* readEvents(reply.response.body);
    },
    /**
     * Follows the answer that is being written, from its start, or reads one that has ended and has not been
     * read; yields nothing if there is none.
     */
    async *resume(chat: string, cancel: Cancel = {}): AsyncGenerator<StreamEvent, void, undefined> {
      const reply = await api.GET("/api/ai/chat/{chat_id}/stream", {
        ...path(chat), ...cancel, parseAs: "stream",
      });
      if (reply.response.status === 200 && reply.response.body) yield* readEvents(reply.response.body);
    },
    /**
     * Decides on a call that waits, and follows the rest of the answer; yields nothing while other calls of it
     * wait.
     */
    async *decide(
      chat: string,
      approval: string,
      decision: Decision,
      cancel: Cancel = {},
    ): AsyncGenerator<StreamEvent, void, undefined> {
      const reply = await api.POST("/api/ai/chat/{chat_id}/tool-calls/{call_id}", {
        params: { path: { chat_id: chat, call_id: approval } }, body: { ...decision, stream: true },
        ...cancel, parseAs: "stream",
      });
      const { headers, body } = reply.response;
      if (headers.get("content-type")?.startsWith("text/event-stream") && body) yield* readEvents(body);
    },
    /** What waits for the user's decision, in all chats, the oldest first. */
    async approvals(): Promise<PendingApproval[]> {
      return read(await api.GET("/api/ai/approvals", {}));
    },
    /** Stops the answer that is being written. What there is of it is kept. */
    async stop(chat: string): Promise<void> {
      await api.POST("/api/ai/chat/{chat_id}/stop", path(chat));
    },
  };
}

function files(api: Api) {
  const path = (file_id: string) => ({ params: { path: { file_id } } });
  const list = async (query: FileFilter = {}): Promise<Page<ChatFile>> =>
    page(await api.GET("/api/files/", { params: { query } }));
  return {
    list,
    /** Uploads a file. An `id` makes it safe to send again. */
    async upload(file: File, fields: { id?: string; chat_id?: string } = {}): Promise<ChatFile> {
      const form = new FormData();
      // What describes a file comes before it.
      for (const [name, value] of Object.entries(fields)) form.set(name, value);
      form.set("file", file);
      const reply = await api.POST("/api/files/", {
        body: { file: "", ...fields },
        bodySerializer: () => form,
      });
      return read(reply);
    },
    async get(id: string): Promise<ChatFile> {
      return read(await api.GET("/api/files/{file_id}", path(id)));
    },
    async content(id: string): Promise<Blob> {
      const reply = await api.GET("/api/files/{file_id}/content", { ...path(id), parseAs: "blob" });
      return read(reply) as Blob;
    },
    async delete(id: string): Promise<void> {
      await api.DELETE("/api/files/{file_id}", path(id));
    },
  };
}

function scripts(api: Api) {
  const path = (run_id: string) => ({ params: { path: { run_id } } });
  return {
    /** Languages and limits, and why a language is not available. */
    async capabilities(): Promise<ScriptCapabilities> {
      return read(await api.GET("/api/scripts/capabilities"));
    },
    /** Earlier runs, newest first. */
    async list(query: RunFilter = {}): Promise<Page<ScriptRunSummary>> {
      return page(await api.GET("/api/scripts/runs", { params: { query } }));
    },
    async get(id: string): Promise<StoredScriptRun> {
      return read(await api.GET("/api/scripts/runs/{run_id}", path(id)));
    },
    /** Runs a script in the sandbox and waits for its end. */
    async run(script: RunScript, cancel: Cancel = {}): Promise<ScriptRun> {
      return read(await api.POST("/api/scripts/run", { body: script, ...cancel }));
    },
    /** Cancels a script that runs; deletes a run that has ended. */
    async delete(id: string): Promise<void> {
      await api.DELETE("/api/scripts/runs/{run_id}", path(id));
    },
  };
}
