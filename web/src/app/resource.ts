/** Reading from the gateway in a view: loading, errors, polling, and no answer out of order. */

import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { Problem } from "../api/problem";

export interface Resource<T> {
  data: T | undefined;
  problem: Problem | undefined;
  /** A request is under way (also when older data is still shown). */
  loading: boolean;
  refresh: () => void;
}

interface Options {
  /** Read again after this many seconds; 0: never. Pauses while the page is hidden. */
  everySeconds?: number;
  /** Show the data of the previous key until the new one has arrived. */
  keep?: boolean;
}

/** After a problem that passes by itself. */
const RETRY_SECONDS = 3;

/** Read with `load` whenever `key` changes; a null key reads nothing. */
export function useResource<T>(
  key: string | null,
  load: (abort: AbortSignal) => Promise<T>,
  { everySeconds = 0, keep = false }: Options = {},
): Resource<T> {
  const [state, setState] = useState<{ key: string | null; data?: T; problem?: Problem }>({ key: null });
  const [loading, setLoading] = useState(key !== null);
  const [round, setRound] = useState(0);
  const loader = useRef(load);
  loader.current = load;
  const refresh = useCallback(() => setRound((n) => n + 1), []);

  useEffect(() => {
    if (key === null) return;
    const abort = new AbortController();
    let timer = 0;
    const later = (seconds: number) => {
      if (seconds > 0) timer = window.setTimeout(read, seconds * 1000);
    };
    const read = async () => {
      if (document.hidden) {
        document.addEventListener("visibilitychange", read, { once: true, signal: abort.signal });
        return;
      }
      setLoading(true);
      try {
        const data = await loader.current(abort.signal);
        if (abort.signal.aborted) return;
        setState({ key, data });
        later(everySeconds);
      } catch (error) {
        if (abort.signal.aborted) return;
        const problem = error instanceof Problem ? error : new Problem(-1, { detail: String(error) });
        setState((old) =>
          old.key === key && old.data !== undefined ? { ...old, problem } : { key, problem },
        );
        if (isPassing(problem)) later(problem.retryAfterSeconds ?? RETRY_SECONDS);
      }
      setLoading(false);
    };
    const again = () => {
      window.clearTimeout(timer);
      void read();
    };
    window.addEventListener("online", again, { signal: abort.signal });
    void read();
    return () => {
      abort.abort();
      window.clearTimeout(timer);
    };
  }, [key, everySeconds, round]);

  const current = state.key === key || keep;
  return {
    data: current ? state.data : undefined,
    problem: state.key === key ? state.problem : undefined,
    loading: loading || (key !== null && state.key !== key),
    refresh,
  };
}

const isPassing = (problem: Problem) => problem.offline || problem.status === 429 || problem.status >= 502;
