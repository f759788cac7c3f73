/** What is shown instead of data: a problem, nothing yet, or nothing found. */

import type { ComponentChildren } from "preact";
import { adviceFor, type Problem } from "../api/problem";

interface ProblemProps {
  problem: Problem;
  retry?: () => void;
}

/** A problem document in words, and what to do. */
export function ProblemNote({ problem, retry }: ProblemProps) {
  return (
    <div class="note problem" role="alert">
      <h2>
        {problem.title}
        {problem.status > 0 && <small> HTTP {problem.status}</small>}
      </h2>
      {problem.message !== problem.title && <p>{problem.message}</p>}
      {problem.errors.length > 0 && (
        <ul>
          {problem.errors.map((error) => (
            <li key={error.where}>
              <code>{error.where}</code> {error.message}
            </li>
          ))}
        </ul>
      )}
      <p class="quiet-text">{adviceFor(problem.status)}</p>
      {retry && (
        <button type="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

export function EmptyNote({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="note empty">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

export function Loading({ rows = 6 }: { rows?: number }) {
  return (
    <div class="loading" role="status" aria-label="Loading">
      {Array.from({ length: rows }, (_, i) => (
        <div class="skeleton" key={i} />
      ))}
    </div>
  );
}
