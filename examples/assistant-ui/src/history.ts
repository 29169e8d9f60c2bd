// The messages of a thread, with all their versions. The server stores what is sent and answered, so the
// adapter only reads.
import { type ThreadHistoryAdapter, useAui } from "@assistant-ui/react";
import { useMemo } from "react";
import { nextPage, request } from "./api";

type Message = {
  id: string;
  parent_id: string | null;
  role: "user" | "assistant" | "system";
  parts: Record<string, unknown>[];
  metadata: Record<string, unknown>;
  status: string;
  is_active: boolean;
};

/** All messages of a chat that have something to show. */
async function readAll(chatId: string): Promise<Message[]> {
  const messages: Message[] = [];
  let path: string | undefined = `/api/messages/chat/${chatId}?active=any&limit=200`;
  while (path) {
    const page: Response = await request(path);
    messages.push(...((await page.json()) as Message[]));
    path = nextPage(page);
  }
  // The stream brings the answer that is being written.
  return messages.filter((message) => message.status !== "streaming" && message.parts.length > 0);
}

export function useHistory(): ThreadHistoryAdapter {
  const aui = useAui();
  return useMemo(
    () => ({
      load: async () => ({ headId: null, messages: [] }),
      append: async () => {},
      withFormat: (format) => ({
        async load() {
          // The thread is looked up now: a new one has no chat yet when this hook runs.
          const { remoteId } = aui.threadListItem.source ? aui.threadListItem().getState() : {};
          if (!remoteId) return { headId: null, messages: [] };
          const messages = await readAll(remoteId);
          const known = new Set(messages.map((message) => message.id));
          const head = messages.findLast((message) => message.is_active);
          return {
            headId: head?.id ?? null,
            messages: messages.map(({ id, parent_id, role, parts, metadata }) =>
              format.decode({
                id,
                parent_id: parent_id && known.has(parent_id) ? parent_id : null,
                format: format.format,
                content: { role, parts, metadata } as never,
              }),
            ),
          };
        },
        append: async () => {},
      }),
    }),
    [aui],
  );
}
