/** Addresses of views. Plain `<a href>` works; views read path parameters and keep their filters in the query. */

import { computed, signal } from "@preact/signals";

const here = signal(new URL(window.location.href));

export const path = computed(() => here.value.pathname);
export const query = computed(() => here.value.searchParams);

export function navigate(to: string, { replace = false } = {}): void {
  const url = new URL(to, window.location.origin);
  if (url.href === here.value.href) return;
  const moved = url.pathname !== here.value.pathname;
  if (replace) history.replaceState(null, "", url);
  else history.pushState(null, "", url);
  here.value = url;
  if (moved) window.scrollTo(0, 0);
}

/** Change some query parameters of the current view; null or empty removes one. */
export function setQuery(changes: Record<string, string | string[] | null>, { replace = true } = {}): void {
  const url = new URL(here.value);
  for (const [key, value] of Object.entries(changes)) {
    url.searchParams.delete(key);
    for (const one of Array.isArray(value) ? value : [value ?? ""]) {
      if (one) url.searchParams.append(key, one);
    }
  }
  navigate(url.pathname + url.search, { replace });
}

/** Paths that the gateway answers itself. */
const FOREIGN = /^\/(v1|docs|openapi\.json|metrics|healthz|readyz|login|assets)(\/|$)/;

/** Follow the back button and clicks on links of ours. */
export function startRouter(): void {
  window.addEventListener("popstate", () => {
    here.value = new URL(window.location.href);
  });
  document.addEventListener("click", (event) => {
    if (
      event.defaultPrevented ||
      event.button ||
      event.metaKey ||
      event.ctrlKey ||
      event.shiftKey ||
      event.altKey
    ) {
      return;
    }
    const link = (event.target as Element).closest?.("a[href]") as HTMLAnchorElement | null;
    if (!link || link.target || link.hasAttribute("download") || link.origin !== window.location.origin)
      return;
    if (FOREIGN.test(link.pathname) || (link.hash && link.pathname === window.location.pathname)) return;
    event.preventDefault();
    navigate(link.pathname + link.search);
  });
}
