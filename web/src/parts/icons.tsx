/** Small shapes drawn with the text's colour. */

import type { Shape } from "../format/states";

const PATHS: Record<Shape, string> = {
  play: "M5 3.5v9l7-4.5z",
  dots: "M3.5 8h.01M8 8h.01M12.5 8h.01",
  check: "M3.5 8.5l3 3 6-7",
  cross: "M4 4l8 8M12 4l-8 8",
  slash: "M8 2.5a5.5 5.5 0 1 0 0 11a5.5 5.5 0 1 0 0-11M4.2 11.8l7.6-7.6",
  clock: "M8 2.5a5.5 5.5 0 1 0 0 11a5.5 5.5 0 1 0 0-11M8 5v3l2 1.5",
  pause: "M5.5 4v8M10.5 4v8",
  bolt: "M9 2L4 9h3.5L7 14l5-7H8.5z",
  ring: "M8 3.5a4.5 4.5 0 1 0 0 9a4.5 4.5 0 1 0 0-9",
};

export function Icon({ shape }: { shape: Shape }) {
  const filled = shape === "play" || shape === "bolt";
  return (
    <svg class={`icon ${filled ? "filled" : ""}`} viewBox="0 0 16 16" aria-hidden="true">
      <path d={PATHS[shape]} class={shape === "dots" ? "dots" : ""} />
    </svg>
  );
}

export function Wheel() {
  return (
    <svg class="wheel" viewBox="0 0 32 32" aria-hidden="true">
      <circle cx="16" cy="16" r="8.5" />
      <circle cx="16" cy="16" r="2.6" class="hub" />
      <path d="M16 2v11M16 19v11M2 16h11M19 16h11M6.1 6.1l7.8 7.8M18.1 18.1l7.8 7.8M25.9 6.1l-7.8 7.8M13.9 18.1l-7.8 7.8" />
    </svg>
  );
}
