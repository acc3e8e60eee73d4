import tailwind from '@tailwindcss/vite'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

export default defineConfig({
  root: import.meta.dirname,
  plugins: [react(), tailwind()],
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
