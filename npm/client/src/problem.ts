import type { components } from "./schema.js";

/** The body of an error response (RFC 9457). */
export type Problem = components["schemas"]["Problem"];

/** An error response. `message` is the sentence for people, `code` what programs compare. */
export class ProblemError extends Error {
  override readonly name = "ProblemError";

  constructor(
    readonly problem: Problem,
    /** Seconds to wait before the request is sent again, where the server says so. */
    readonly retryAfter: number | undefined,
  ) {
    super(problem.detail);
  }

  /** Stable identifier of what went wrong, such as `chat_not_found`. */
  get code(): string {
    return this.problem.code;
  }

  get status(): number {
    return this.problem.status;
  }

  /** ID of the request, to find it in the server's log. */
  get requestId(): string {
    return this.problem.request_id;
  }

  static async from(response: Response): Promise<ProblemError> {
    const retryAfter = Number(response.headers.get("retry-after") ?? Number.NaN);
    return new ProblemError(
      await readProblem(response),
      Number.isFinite(retryAfter) ? retryAfter : undefined,
    );
  }
}

/** What stands between client and server, such as a proxy, may answer with something else than a problem. */
async function readProblem(response: Response): Promise<Problem> {
  const { status, statusText: title } = response;
  const text = await response.text().catch(() => "");
  try {
    const body = JSON.parse(text) as Partial<Problem> | null;
    if (typeof body?.detail === "string" && typeof body.code === "string") return body as Problem;
  } catch {
    // It is not JSON.
  }
  const detail = `The server answered ${status} ${title}`.trim() + ".";
  const request_id = response.headers.get("x-request-id") ?? "";
  return { type: "about:blank", title, status, detail, code: "unexpected_response", request_id };
}
