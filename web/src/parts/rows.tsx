/** Long tables draw only the rows near the screen. */

import { useEffect, useRef, useState } from "preact/hooks";

const MARGIN_ROWS = 20;

interface Slice {
  first: number;
  last: number;
  /** Height in pixels of what is left out above and below. */
  above: number;
  below: number;
}

/** Stands in for rows that are not drawn. */
export const Spacer = ({ height }: { height: number }) => (
  <tr style={{ height: `${height}px` }}>
    <td />
  </tr>
);

/** Which of `count` rows of `height` pixels to draw, as the page scrolls. Short tables are drawn whole. */
export function useRows<E extends HTMLElement>(count: number, height: number) {
  const ref = useRef<E>(null);
  const [range, setRange] = useState({ first: 0, last: 80 });
  useEffect(() => {
    const measure = () => {
      const top = ref.current?.getBoundingClientRect().top ?? 0;
      const first = Math.max(0, Math.floor(-top / height) - MARGIN_ROWS);
      const last = Math.ceil((window.innerHeight - top) / height) + MARGIN_ROWS;
      setRange((old) =>
        Math.abs(old.first - first) + Math.abs(old.last - last) > 8 ? { first, last } : old,
      );
    };
    measure();
    window.addEventListener("scroll", measure, { passive: true });
    window.addEventListener("resize", measure);
    return () => {
      window.removeEventListener("scroll", measure);
      window.removeEventListener("resize", measure);
    };
  }, [height, count]);
  const first = Math.min(range.first, Math.max(0, count - 1));
  const last = Math.min(count, Math.max(range.last, first + 1));
  const slice: Slice = { first, last, above: first * height, below: (count - last) * height };
  return { ref, slice };
}
