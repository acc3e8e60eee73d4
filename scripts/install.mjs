import { createHash } from 'node:crypto'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { takeInstallLock } from './install-lock.mjs'
import { runChild } from './run-child.mjs'

const say = (line) => process.stderr.write(`breeze: ${line}\n`)

/** An error whose message is one line for the person at the terminal. */
class InstallError extends Error {
  constructor(message, exitCode = 1) {
    super(message)
    this.exitCode = exitCode
  }
}

/**
 * Brings node_modules to what package-lock.json says, and only then. Two starts at once install once.
 *
 * @param {string} root
 */
export async function installPackages(root) {
  if (isInstalled(root)) return
  let release
  try {
    release = await takeInstallLock(root, (pid) =>
      say(`another start (process ${pid}) is installing packages, waiting`),
    )
  } catch (error) {
    throw unwritable(root, error)
  }
  try {
    if (isInstalled(root)) return
    if (!matchesLock(root)) await install(root)
    writeFileSync(stampPath(root), lockHash(root))
  } catch (error) {
    throw unwritable(root, error)
  } finally {
    release()
  }
}

function unwritable(root, error) {
  if (!['EACCES', 'EPERM', 'EROFS'].includes(error.code)) return error
  return new InstallError(
    `cannot write to ${root} (${error.code}), which is needed to install packages; run as the owner of this folder`,
  )
}

const stampPath = (root) => join(root, 'node_modules', '.breeze-lock')
const lockHash = (root) =>
  createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex')

function isInstalled(root) {
  return existsSync(stampPath(root)) && readFileSync(stampPath(root), 'utf8') === lockHash(root)
}

const same = (one, other) =>
  one.version === other.version && one.integrity === other.integrity && one.link === other.link

/**
 * Whether npm itself already brought the tree to this lock (a developer's `npm install`): npm writes its own record last, so
 * its presence means a finished install. Reinstalling then would pull the packages from under running processes.
 */
function matchesLock(root) {
  const record = join(root, 'node_modules', '.package-lock.json')
  if (!existsSync(record)) return false
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages
  const present = JSON.parse(readFileSync(record, 'utf8')).packages
  return (
    Object.entries(present).every(([name, entry]) => wanted[name] !== undefined && same(entry, wanted[name])) &&
    Object.entries(wanted).every(
      ([name, entry]) =>
        name === '' || present[name] !== undefined || (entry.optional === true && !isForThisMachine(entry)),
    )
  )
}

/** Whether an optional package says that it is made for this machine. One that names no machine belongs to another that does. */
function isForThisMachine({ os, cpu, libc }) {
  if (os === undefined || cpu === undefined) return false
  const glibc = process.report.getReport().header.glibcVersionRuntime !== undefined
  return (
    [os].flat().includes(process.platform) &&
    [cpu].flat().includes(process.arch) &&
    (libc === undefined || [libc].flat().includes(glibc ? 'glibc' : 'musl'))
  )
}

/** npm's environment: on an old Node it has to choose packages for the Node that it is about to install. */
function npmEnvironment(root) {
  if (Number(process.versions.node.split('.')[0]) >= 24) return process.env
  const { optionalDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const preload = join(root, 'scripts', 'as-pinned-node.cjs').replaceAll('\\', '\\\\').replaceAll('"', '\\"')
  return {
    ...process.env,
    BREEZE_PINNED_NODE: `v${Object.values(optionalDependencies)[0]}`,
    NODE_OPTIONS: [process.env.NODE_OPTIONS, `--require "${preload}"`].filter(Boolean).join(' '),
  }
}

async function install(root) {
  const [command, prefix] = npm()
  // NODE_ENV=production would leave out the bundler, and an `omit` in someone's npmrc the pinned Node.
  const args = [
    'ci',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--include=dev',
    '--include=optional',
    '--loglevel=error',
  ]
  say('installing the locked packages with npm (once per version; a minute or two on a slow line)')
  rmSync(stampPath(root), { force: true })
  const started = Date.now()
  const seconds = () => Math.round((Date.now() - started) / 1000)
  const progress = setInterval(() => say(`still installing, ${seconds()} s so far`), 15_000)
  try {
    // npm's own lines go to stderr: a verb's standard output stays the verb's.
    const result = await runChild(command, [...prefix, ...args], {
      cwd: root,
      env: npmEnvironment(root),
      stdio: ['ignore', 2, 2],
    })
    if ('signal' in result)
      throw new InstallError(`npm ci was stopped by ${result.signal}; start again to finish it`, 130)
    if (result.code !== 0)
      throw new InstallError(`npm ci failed with exit code ${result.code}; its lines are above`, result.code)
  } catch (error) {
    if (error.code !== 'ENOENT') throw error
    throw new InstallError('npm was not found; install npm (on Debian: apt install npm) and start again', 127)
  } finally {
    clearInterval(progress)
  }
  say(`packages installed in ${seconds()} s`)
}

/** The npm that started us, else the one beside this Node, else the first on the PATH. */
function npm() {
  const running = process.env.npm_execpath
  if (running?.endsWith('npm-cli.js') && existsSync(running)) return [process.execPath, [running]]
  const shipped = join(dirname(process.execPath), '..', 'lib', 'node_modules', 'npm', 'bin', 'npm-cli.js')
  if (existsSync(shipped)) return [process.execPath, [shipped]]
  const name = process.platform === 'win32' ? 'npm.cmd' : 'npm'
  const found = (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find((file) => existsSync(file))
  return [found ?? name, []]
}
