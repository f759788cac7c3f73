import { defineConfig } from "vite";

/** Where `npm run dev` forwards API calls: what `make run` starts. */
const gateway = "http://127.0.0.1:8080";

export default defineConfig({
  build: {
    outDir: "../services/api/pilothouse_api/static",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0, // a data: URL would break `default-src 'self'`
    modulePreload: { polyfill: false },
    license: { fileName: "licenses.md" },
  },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  server: { proxy: { "/v1": gateway, "/login": gateway, "/openapi.json": gateway } },
});
