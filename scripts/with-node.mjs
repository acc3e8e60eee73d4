// Runs a script of the project with its own Node: `node scripts/with-node.mjs <script> [arguments]`.
import { delimiter, dirname, join } from 'node:path'
import { spawnSync } from 'node:child_process'

const root = dirname(import.meta.dirname ?? new URL('.', import.meta.url).pathname)
const path = [join(root, 'node_modules', '.bin'), process.env.PATH].join(delimiter)
const result = spawnSync('node', process.argv.slice(2), {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, PATH: path },
})
process.exit(result.status ?? 1)
