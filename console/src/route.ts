// The address after `#` says what is shown, so that a reload and the back button work.
import { useEffect, useState } from "preact/hooks";

export type Route = { view: "chat"; chat?: string } | { view: "approvals" | "scripts" | "usage" };

export function useRoute(): Route {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const follow = () => setHash(location.hash);
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);
  return parse(hash);
}

function parse(hash: string): Route {
  const [view, id] = hash.replace(/^#\/?/, "").split("/");
  if (view === "approvals" || view === "scripts" || view === "usage") return { view };
  return view === "chats" && id ? { view: "chat", chat: id } : { view: "chat" };
}

export const chatAddress = (id: string) => `#/chats/${id}`;
