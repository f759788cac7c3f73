import type { ComponentChildren } from "preact";

interface Props {
  /** 0…100, or null when unknown. */
  value: number | null;
  /** Above this it is drawn as a warning. */
  warnAbove?: number;
  /** The value in words: the bar itself is only a picture of it. */
  children: ComponentChildren;
}

/** A bar with its text beside it. */
export function Meter({ value, warnAbove = 101, children }: Props) {
  const warn = value !== null && value > warnAbove;
  return (
    <span class="meter">
      <span class={`track ${warn ? "warn" : ""}`} aria-hidden="true">
        <span style={{ width: `${value ?? 0}%` }} />
      </span>
      <span class="meter-text">{children}</span>
    </span>
  );
}
