// The project's verbs. Run through bootstrap.mjs (`npm run <verb>`), which sees to packages and the pinned Node first.
import { existsSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { build } from './build.mjs'
import { exitLike, runChild } from './run-child.mjs'
import { serverFlags } from './server-flags.mjs'

const root = dirname(import.meta.dirname)
const say = (line) => process.stderr.write(`breeze: ${line}\n`)

const done = { code: 0 }
const env = { ...process.env, PATH: [join(root, 'node_modules', '.bin'), process.env.PATH].join(delimiter) }
const tool = (command, args, options = {}) => runChild(command, args, { cwd: root, env, ...options })
/** What was checked and did not change since is not checked again. */
const types = (project, args) => {
  const state = join(root, 'node_modules', '.cache', `types-${project.replaceAll(/\W/g, '-')}.tsbuildinfo`)
  return tool('tsc', ['-p', project, '--incremental', '--tsBuildInfoFile', state, ...args])
}
const node = (args, options) => tool(process.execPath, args, options)

/** Runs every step, so that one command shows all there is to mend, and answers with the first failure. */
async function all(...steps) {
  let failure
  for (const step of steps) {
    const result = await step()
    if (result.code !== 0) failure ??= result
    if ('signal' in result) break
  }
  return failure ?? done
}

async function script(path, args) {
  if (existsSync(join(root, path))) return node([path, ...args])
  say(`${path} does not exist yet`)
  return { code: 1 }
}

async function buildAll() {
  await build(root, say)
  return done
}

async function start(args) {
  await build(root, say)
  const entry = join(root, 'dist', 'server.mjs')
  if (!existsSync(entry)) {
    say('there is no server to start: server/src/main.ts does not exist yet')
    return { code: 1 }
  }
  // Relative paths among the arguments are the caller's: the working folder stays theirs.
  return node([...serverFlags, entry, ...args], { cwd: process.cwd(), link: true })
}

async function test(args) {
  await build(root, say)
  return tool('vitest', ['run', ...args])
}

const verbs = {
  build: { about: 'bundle server, agent and CLI into dist/', run: buildAll },
  start: { about: 'build if needed and start the server', run: start },
  test: { about: 'build and run the tests; arguments go to vitest', run: test },
  lint: {
    about: 'check rules and formatting',
    run: (args) =>
      all(
        () => tool('oxlint', args),
        () => tool('oxfmt', ['--check', ...args]),
      ),
  },
  types: {
    about: 'check types',
    run: (args) =>
      all(
        () => types('.', args),
        () => types('web', args),
        () => types('web/test', args),
      ),
  },
  format: { about: 'format every file in place', run: (args) => tool('oxfmt', args) },
  docs: { about: 'regenerate the generated documents', run: (args) => script('scripts/docs.ts', args) },
  conformance: { about: 'run the official MCP suite', run: (args) => script('scripts/conformance.ts', args) },
  bench: { about: 'measure a running server', run: (args) => script('bench/main.ts', args) },
}

function usage() {
  const lines = Object.entries(verbs).map(([name, { about }]) => `  ${name.padEnd(12)} ${about}`)
  return ['usage: npm run <verb> -- [arguments]', '', ...lines, ''].join('\n')
}

async function main([verb, ...args]) {
  if (verb === undefined || verb === '--help' || verb === '-h' || verb === 'help') {
    process.stdout.write(usage())
    return { code: verb === undefined ? 2 : 0 }
  }
  if (Object.hasOwn(verbs, verb)) return verbs[verb].run(args)
  process.stderr.write(`breeze: unknown verb ${verb}\n${usage()}`)
  return { code: 2 }
}

main(process.argv.slice(2)).then(exitLike, (error) => {
  say(error.message)
  process.exit(1)
})
