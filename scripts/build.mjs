import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { basename, join, relative } from 'node:path'

const bundles = [
  { entry: 'server/src/main.ts', output: 'server.mjs', packages: 'external' },
  // A program within Node.js's own binary, as machines get it, must be CommonJS.
  { entry: 'agent/src/bin.ts', output: 'agent.cjs', packages: 'bundled', format: 'cjs' },
  { entry: 'cli/src/main.ts', output: 'cli.mjs', packages: 'bundled' },
]

const sourceFolders = ['contract', 'server/src', 'agent', 'cli', 'scripts']

/** CommonJS packages inside an ES module bundle (ws, commander) still call `require` for Node's own modules. */
const requireBanner =
  "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);"

/** Our own workspace packages go into the server's bundle, everything else stays in node_modules. */
const externalPackages = {
  name: 'external-packages',
  setup(build) {
    build.onResolve({ filter: /^[^./]/ }, ({ path, kind }) =>
      kind === 'entry-point' || path.startsWith('@breeze/') || isBuiltin(path) ? undefined : { path, external: true },
    )
  },
}

const BUILT_IN_SCRIPTS = 'built-in-scripts'
/** Beside the bundles, read as they are. */
const folders = ['migrations', BUILT_IN_SCRIPTS]

/**
 * Bundles server, agent and CLI into dist/, unless the sources are the ones it was last made from.
 *
 * @param {string} root
 * @param {(line: string) => void} say
 */
export async function build(root, say) {
  const dist = join(root, 'dist')
  const present = bundles.filter(({ entry }) => existsSync(join(root, entry)))
  const sources = sourceFolders.flatMap((folder) => filesUnder(join(root, folder))).sort()
  const hash = hashOf(root, [...sources, join(root, 'package-lock.json')])
  await buildPages(root, dist, say)
  const stamp = join(dist, '.sources')
  const outputs = [...present.map(({ output }) => output), ...folders]
  const complete = outputs.every((output) => existsSync(join(dist, output)))
  if (complete && existsSync(stamp) && readFileSync(stamp, 'utf8') === hash) return

  const started = performance.now()
  const { build: bundle } = await import('esbuild')
  // Made aside and moved into place, so that a process starting meanwhile never reads half a bundle.
  const fresh = join(dist, `.fresh-${process.pid}`)
  mkdirSync(fresh, { recursive: true })
  try {
    for (const { entry, output, packages, format = 'esm' } of present) {
      await bundle({
        absWorkingDir: root,
        entryPoints: [entry],
        outfile: join(fresh, output),
        bundle: true,
        platform: 'node',
        format,
        target: 'node24',
        sourcemap: format === 'esm',
        // The agent holds its own text in memory for as long as it runs.
        minify: format === 'cjs',
        sourcesContent: false,
        legalComments: 'none',
        logLevel: 'error',
        ...(packages === 'external' && { plugins: [externalPackages] }),
        ...(packages === 'bundled' && format === 'esm' && { banner: { js: requireBanner } }),
      })
    }
    copyMigrations(root, sources, join(fresh, 'migrations'))
    cpSync(join(root, 'server/src/domains/scripts', BUILT_IN_SCRIPTS), join(fresh, BUILT_IN_SCRIPTS), {
      recursive: true,
    })
    install(fresh, dist)
  } finally {
    rmSync(fresh, { recursive: true, force: true })
  }
  writeFileSync(stamp, hash)
  const names = present.map(({ output }) => output).join(', ') || 'nothing (no entry file yet)'
  say(`built ${names} in ${Math.round(performance.now() - started)} ms`)
}

/** The console's pages, by Vite, unless they are made of these very sources already. */
async function buildPages(root, dist, say) {
  if (!existsSync(join(root, 'web', 'index.html'))) return
  const sources = ['web', 'contract'].flatMap((folder) => filesUnder(join(root, folder))).sort()
  const hash = hashOf(root, [...sources, join(root, 'package-lock.json')])
  const stamp = join(dist, '.pages')
  if (existsSync(join(dist, 'web', 'index.html')) && existsSync(stamp) && readFileSync(stamp, 'utf8') === hash) return
  const started = performance.now()
  const { build: bundle } = await import('vite')
  // Made aside and moved into place, so that a server starting meanwhile never serves half of them.
  const fresh = join(dist, `.fresh-web-${process.pid}`)
  try {
    const build = { outDir: fresh, emptyOutDir: true }
    await bundle({ root: join(root, 'web'), logLevel: 'error', build })
    rmSync(join(dist, 'web'), { recursive: true, force: true })
    renameSync(fresh, join(dist, 'web'))
  } finally {
    rmSync(fresh, { recursive: true, force: true })
  }
  writeFileSync(stamp, hash)
  say(`built the console's pages in ${Math.round(performance.now() - started)} ms`)
}

function filesUnder(folder) {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : filesUnder(path)
    return entry.isFile() && !entry.name.endsWith('.test.ts') ? [path] : []
  })
}

function hashOf(root, files) {
  const hash = createHash('sha256')
  for (const file of files) {
    const content = readFileSync(file)
    hash.update(`${relative(root, file)}\0${content.length}\0`).update(content)
  }
  return hash.digest('hex')
}

/** One flat folder: a migration is known by its file name everywhere, so the name orders it and must be unique. */
function copyMigrations(root, sources, target) {
  mkdirSync(target, { recursive: true })
  const seen = new Map()
  for (const file of sources) {
    const path = relative(root, file).replaceAll('\\', '/')
    if (!/^server\/src\/(.*\/)?migrations\/[^/]+\.sql$/.test(path)) continue
    const name = basename(path)
    if (seen.has(name)) throw new Error(`two migrations are called ${name}: ${seen.get(name)} and ${path}`)
    seen.set(name, path)
    cpSync(file, join(target, name))
  }
}

function install(fresh, dist) {
  for (const name of readdirSync(fresh)) {
    const target = join(dist, name)
    if (folders.includes(name)) rmSync(target, { recursive: true, force: true })
    renameSync(join(fresh, name), target)
  }
}
