import { EventSourceParserStream } from "eventsource-parser/stream";
import type { components } from "./schema.js";

/** An event of an answer's stream. */
export type StreamEvent = components["schemas"]["StreamEvent"];

/** The stream broke before the answer's end. The answer goes on: follow it with `client.resume`. */
export class StreamBrokenError extends Error {
  override readonly name = "StreamBrokenError";
}

/** Reads the events of a stream up to its end. */
export async function* readEvents(
  body: ReadableStream<Uint8Array>,
): AsyncGenerator<StreamEvent, void, undefined> {
  const decoder = new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>;
  const reader = body.pipeThrough(decoder).pipeThrough(new EventSourceParserStream()).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((cause: unknown) => {
        throw new StreamBrokenError("The connection broke.", { cause });
      });
      if (done) throw new StreamBrokenError("The stream ended before the answer did.");
      if (value.data === "[DONE]") return;
      yield JSON.parse(value.data) as StreamEvent;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}
