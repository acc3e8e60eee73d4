import tailwind from '@tailwindcss/vite'
import react from '@vitejs/plugin-react'
import { defineConfig, type Plugin } from 'vite'

/** The Latin letters of both typefaces are needed at once; whatever else is written comes when it is. */
const FIRST_FONTS = /(?:inter-latin-wght|geist-mono-latin-wght)-normal-[^/]*\.woff2$/

const preloadFonts: Plugin = {
  name: 'preload-fonts',
  transformIndexHtml: {
    order: 'post',
    handler: (_html, { bundle }) =>
      Object.keys(bundle ?? {})
        .filter((file) => FIRST_FONTS.test(file))
        .map((file) => ({
          tag: 'link',
          injectTo: 'head',
          attrs: { rel: 'preload', href: `/${file}`, as: 'font', type: 'font/woff2', crossorigin: '' },
        })),
  },
}

export default defineConfig({
  root: import.meta.dirname,
  plugins: [react(), tailwind(), preloadFonts],
  build: {
    outDir: '../dist/web',
    emptyOutDir: true,
    // The server's pages allow files of their own only: nothing is inlined as data.
    assetsInlineLimit: 0,
    sourcemap: false,
    target: 'es2023',
  },
  // `npx vite web` beside a running server, for whoever works on the pages.
  server: { proxy: { '/api': 'http://127.0.0.1:8080', '/oauth': 'http://127.0.0.1:8080' } },
})
