// Reading from the API in components.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import type { Page } from "@chat-backend/client";

export interface Loaded<Value> {
  value: Value | undefined;
  error: unknown;
  reload(): Promise<void>;
}

/** Reads a value, again whenever `inputs` change. Only the newest reading counts. */
export function useLoaded<Value>(read: () => Promise<Value>, inputs: unknown[]): Loaded<Value> {
  const [value, setValue] = useState<Value>();
  const [error, setError] = useState<unknown>();
  const newest = useRef(0);
  const reload = useCallback(async () => {
    const number = ++newest.current;
    try {
      const found = await read();
      if (number !== newest.current) return;
      setValue(found);
      setError(undefined);
    } catch (problem) {
      if (number === newest.current) setError(problem);
    }
  }, inputs);
  useEffect(() => void reload(), [reload]);
  return { value, error, reload };
}

export interface Pages<Item> {
  items: Item[];
  error: unknown;
  /** Reads the next page; undefined on the last. */
  more: (() => Promise<void>) | undefined;
  reload(): Promise<void>;
}

/** Reads a list page by page. */
export function usePages<Item>(
  read: (cursor: string | undefined) => Promise<Page<Item>>,
  inputs: unknown[],
): Pages<Item> {
  const [later, setLater] = useState<Page<Item>>();
  const first = useLoaded(async () => {
    const page = await read(undefined);
    setLater(undefined);
    return page;
  }, inputs);
  const [error, setError] = useState<unknown>();
  const { next } = later ?? first.value ?? {};
  const more = async () => {
    try {
      const page = await read(next);
      setLater((before) => ({ ...page, items: [...(before?.items ?? []), ...page.items] }));
    } catch (problem) {
      setError(problem);
    }
  };
  return {
    items: [...(first.value?.items ?? []), ...(later?.items ?? [])],
    error: first.error ?? error,
    more: next === undefined ? undefined : more,
    reload: first.reload,
  };
}
