#!/usr/bin/env node
// Plain JavaScript for Node 18 and later, without a dependency: it runs before there is a node_modules, on whatever Node the
// machine has. It installs the locked packages, finds the pinned Node among them and hands over to tasks.mjs.
import { accessSync, chmodSync, constants, existsSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { installPackages } from './install.mjs'
import { exitLike, runChild } from './run-child.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

function fail(message, code = 1) {
  process.stderr.write(`breeze: ${message}\n`)
  process.exit(code)
}

/** The Node that the project pins (an optional dependency per platform), or this one where it is new enough. */
function findNode() {
  const windows = process.platform === 'win32'
  const name = `node-${windows ? 'win' : process.platform}-${process.arch}`
  const pinned = join(root, 'node_modules', name, 'bin', windows ? 'node.exe' : 'node')
  if (existsSync(pinned)) {
    try {
      accessSync(pinned, constants.X_OK)
    } catch {
      // Some archive tools and copies drop the mode; a failure to mend it is reported by main.
      chmodSync(pinned, 0o755)
    }
    return pinned
  }
  if (Number(process.versions.node.split('.')[0]) >= 24) return process.execPath
  return fail(
    `there is no packaged Node.js for ${process.platform}-${process.arch} and this is ${process.version}; install Node.js 24 or later`,
  )
}

async function main() {
  if (Number(process.versions.node.split('.')[0]) < 18)
    fail(`Node.js 18 or later is needed, this is ${process.version}`)
  await installPackages(root)
  const node = findNode()
  const path = [join(root, 'node_modules', '.bin'), process.env.PATH].filter(Boolean).join(delimiter)
  const args = [join(root, 'scripts', 'tasks.mjs'), ...process.argv.slice(2)]
  // `npm start` puts a shell between npm and us. SIGTERM to npm ends that shell and never gets here.
  const followParent = process.env.npm_lifecycle_script?.includes('scripts/bootstrap.mjs') ?? false
  exitLike(await runChild(node, args, { env: { ...process.env, PATH: path }, link: true, followParent }))
}

main().catch((error) => fail(error.message, error.exitCode ?? 1))
