import type { ProblemDetails } from "./types";

/** What went wrong with a request, in words a person can act on. */
export class Problem extends Error {
  readonly status: number;
  readonly title: string;
  readonly errors: { where: string; message: string }[];
  readonly retryAfterSeconds: number | null;

  constructor(status: number, details: ProblemDetails, retryAfterSeconds: number | null = null) {
    super(details.detail ?? details.title ?? `HTTP status ${status}`);
    this.name = "Problem";
    this.status = status;
    this.title = details.title ?? "The request failed";
    this.errors = (details.errors ?? []).map((e) => ({ where: e.loc.join("."), message: e.msg }));
    this.retryAfterSeconds = retryAfterSeconds;
  }

  /** The server was not reached at all. */
  get offline(): boolean {
    return this.status === 0;
  }
}

/** Build the problem of an answer that is not 2xx, whatever its body is. */
export async function problemOf(response: Response): Promise<Problem> {
  const retryAfter = Number.parseInt(response.headers.get("Retry-After") ?? "", 10);
  let details: ProblemDetails = { title: response.statusText || `HTTP status ${response.status}` };
  if (response.headers.get("Content-Type")?.includes("json")) {
    try {
      details = { ...details, ...((await response.json()) as ProblemDetails) };
    } catch {
      details.detail = "The answer was cut off.";
    }
  }
  return new Problem(response.status, details, Number.isNaN(retryAfter) ? null : retryAfter);
}

/** What a person can do about a status. */
export function adviceFor(status: number): string {
  if (status === 0) return "Check your network; the page tries again by itself.";
  if (status === 401) return "Log in again.";
  if (status === 403) return "Your token does not have the scope for this. Ask an operator for one that has.";
  if (status === 404) return "It does not exist, or you may not see it. Check the address.";
  if (status === 422 || status === 400) return "Change what is named above and try again.";
  if (status === 429) return "Too many requests. The page tries again by itself.";
  if (status === 503) return "A store or the broker is away. The page tries again by itself.";
  return "Try again. If it stays, tell an operator what is written here.";
}
