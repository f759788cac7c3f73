/** One group of metrics: heading, pictures, more of them on request; one short line when there is nothing of it. */

import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { useSeen } from "./visible";

export interface Shown {
  /** It is or was near the screen. */
  seen: boolean;
  /** Whether the further metrics are asked for. */
  open: boolean;
  /** Takes whether the main metrics have no samples at all. */
  onEmpty: (empty: boolean) => void;
}

interface Props {
  name: string;
  /** Number of metrics that are shown on request only. */
  more: number;
  children: (shown: Shown) => ComponentChildren;
}

export function GroupSection({ name, more, children }: Props) {
  const { ref, seen } = useSeen<HTMLElement>();
  const [open, setOpen] = useState(false);
  const [empty, setEmpty] = useState(false);
  const folded = empty && !open;
  return (
    <section class={folded ? "chart-group folded" : "chart-group"} ref={ref} aria-label={name}>
      <header class="group-head">
        <h2>{name}</h2>
        {folded && <span class="quiet-text">no samples</span>}
        {more > 0 && (
          <button type="button" class="quiet" aria-expanded={open} onClick={() => setOpen(!open)}>
            {open ? "Fewer" : `${more} more`}
          </button>
        )}
      </header>
      {children({ seen, open, onEmpty: setEmpty })}
    </section>
  );
}

/** What is drawn and what has no samples; tells when nothing has. */
export function useDrawn<T>(
  plans: T[],
  has: ((plan: T) => boolean) | undefined,
  onEmpty?: (empty: boolean) => void,
) {
  const drawn = has ? plans.filter(has) : plans;
  const empty = has !== undefined && plans.length > 0 && drawn.length === 0;
  useEffect(() => onEmpty?.(empty), [empty, onEmpty]);
  return { drawn, missing: empty && onEmpty ? [] : plans.filter((plan) => !drawn.includes(plan)) };
}

export function Missing({ titles }: { titles: string[] }) {
  if (titles.length === 0) return null;
  return <p class="quiet-text missing">No samples in this time: {titles.join(", ")}.</p>;
}
