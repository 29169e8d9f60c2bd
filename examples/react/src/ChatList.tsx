import type { Chat, Page } from "@chat-backend/client";
import { useEffect, useState } from "react";
import { client } from "./backend";

interface Props {
  current: string;
  select(id: string): void;
  ended: number;
}

export function ChatList({ current, select, ended }: Props) {
  const [list, setList] = useState<Page<Chat>>({ items: [], next: undefined });
  const [problem, setProblem] = useState("");

  useEffect(() => {
    let isCurrent = true;
    client.chats.list({ archived: false, limit: 20 }).then(
      (page) => isCurrent && setList(page),
      (error: Error) => isCurrent && setProblem(error.message),
    );
    return () => {
      isCurrent = false;
    };
  }, [ended]);

  const more = async () => {
    const page = await client.chats.list({ archived: false, limit: 20, cursor: list.next });
    setList({ ...page, items: [...list.items, ...page.items] });
  };

  return (
    <>
      <ul>
        {list.items.map(({ id, title }) => (
          <li key={id}>
            <button aria-current={id === current} onClick={() => select(id)}>{title}</button>
          </li>
        ))}
      </ul>
      {list.next && <button onClick={more}>More</button>}
      <p role="alert">{problem}</p>
    </>
  );
}
