// The thread list: a thread is a chat.
import type { RemoteThreadListAdapter } from "@assistant-ui/react";
import { createAssistantStream } from "assistant-stream";
import { useMemo } from "react";
import { nextPage, request } from "./api";
import { useHistory } from "./history";

type Chat = {
  id: string;
  title: string;
  is_archived: boolean;
  last_message_at: string | null;
};

const UNTITLED = "New chat";
const TITLE_ATTEMPTS = 10;

const toThread = (chat: Chat) => ({
  remoteId: chat.id,
  status: chat.is_archived ? ("archived" as const) : ("regular" as const),
  title: chat.title === UNTITLED ? undefined : chat.title,
  lastMessageAt: chat.last_message_at ? new Date(chat.last_message_at) : undefined,
});

const getChat = async (id: string): Promise<Chat> => (await request(`/api/chats/${id}`)).json();
const archive = async (id: string, archived: boolean) => {
  await request(`/api/chats/${id}/archive`, "POST", { archived });
};

export const threadListAdapter: RemoteThreadListAdapter = {
  async list({ after } = {}) {
    const page = await request(after ?? "/api/chats/?limit=50");
    const chats: Chat[] = await page.json();
    return { threads: chats.map(toThread), nextCursor: nextPage(page) };
  },
  async initialize() {
    const id = crypto.randomUUID();
    await request("/api/chats/", "POST", { id });
    return { remoteId: id };
  },
  async rename(id, title) {
    await request(`/api/chats/${id}`, "PATCH", { title });
  },
  archive: (id) => archive(id, true),
  unarchive: (id) => archive(id, false),
  async delete(id) {
    await request(`/api/chats/${id}`, "DELETE");
  },
  async fetch(id) {
    return toThread(await getChat(id));
  },
  // The server names a chat by itself, soon after its first question.
  async generateTitle(id) {
    return createAssistantStream(async (controller) => {
      for (let attempt = 0; attempt < TITLE_ATTEMPTS; attempt++) {
        const { title } = await getChat(id);
        if (title !== UNTITLED) {
          controller.appendText(title);
          return;
        }
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    });
  },
  unstable_useAdapters() {
    const history = useHistory();
    return useMemo(() => ({ history }), [history]);
  },
};
