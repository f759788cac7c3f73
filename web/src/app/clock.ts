/** One tick per second for everything that ages on the page; still while nobody looks. */

import { signal } from "@preact/signals";

/** Milliseconds since the epoch, renewed every second. */
export const now = signal(Date.now());

export function startClock(): void {
  window.setInterval(() => {
    if (!document.hidden) now.value = Date.now();
  }, 1000);
  document.addEventListener("visibilitychange", () => {
    now.value = Date.now();
  });
}
