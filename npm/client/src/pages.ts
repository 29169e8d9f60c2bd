/** A page of a list. */
export interface Page<Item> {
  items: Item[];
  /** Cursor of the next page; undefined on the last one. */
  next: string | undefined;
}

/** Reads the cursor of the next page from the `Link` header. */
export function nextCursor(response: Response): string | undefined {
  const link = response.headers.get("link") ?? "";
  const target = /<([^>]*)>;\s*rel="next"/.exec(link)?.[1];
  return target === undefined
    ? undefined
    : (new URL(target, response.url || "http://localhost").searchParams.get("cursor") ?? undefined);
}

/** All items of a list, page after page. */
export async function* allPages<Item>(
  read: (cursor: string | undefined) => Promise<Page<Item>>,
): AsyncGenerator<Item, void, undefined> {
  let cursor: string | undefined;
  do {
    const page = await read(cursor);
    yield* page.items;
    cursor = page.next;
  } while (cursor !== undefined);
}
