#!/usr/bin/env node
// Plain JavaScript for any Node from 18 on: finds a Node that can run the CLI and hands over to it.
import { spawn } from 'node:child_process'
import { existsSync, realpathSync } from 'node:fs'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const NEEDED = 24
// npm links this file into node_modules/.bin; the project is where the file itself lies.
const root = dirname(dirname(dirname(realpathSync(fileURLToPath(import.meta.url)))))
const bundle = join(root, 'dist', 'cli.mjs')
const entry = existsSync(bundle) ? bundle : join(root, 'cli', 'src', 'main.ts')

function fail(message) {
  process.stderr.write(`breeze: ${message}\n`)
  process.exit(1)
}

/** The Node that the project pins, an optional package per platform. */
function pinnedNode() {
  const windows = process.platform === 'win32'
  const name = `node-${windows ? 'win' : process.platform}-${process.arch}`
  const path = join(root, 'node_modules', name, 'bin', windows ? 'node.exe' : 'node')
  return existsSync(path) ? path : undefined
}

function runWith(node) {
  const child = spawn(node, [entry, ...process.argv.slice(2)], { stdio: 'inherit' })
  // A signal to the terminal's group reaches the child by itself; one to this process alone does not.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.once('error', (error) => fail(`Node.js ${NEEDED} could not be started: ${error.message}`))
  child.once('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)))
}

if (Number(process.versions.node.split('.')[0]) >= NEEDED) {
  await import(pathToFileURL(entry).href)
} else {
  const node = pinnedNode()
  if (node) runWith(node)
  else
    fail(`Node.js ${NEEDED} or later is needed, this is ${process.version}; run npm install in ${root}, or install one`)
}
