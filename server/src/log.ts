/** Structured logs: everything into a rotated file of the data folder, warnings and errors to the terminal as well. */
import { createWriteStream, existsSync, mkdirSync, renameSync, statSync, type WriteStream } from 'node:fs'
import { join } from 'node:path'
import pino, { type Logger } from 'pino'

const LARGEST = 20 * 1024 * 1024
const KEPT = 5

/** One file at a time; a full one is renamed to `.1`, and the oldest falls away. */
class RotatingFile {
  readonly #path: string
  #bytes: number
  #stream: WriteStream

  constructor(path: string) {
    this.#path = path
    this.#bytes = existsSync(path) ? statSync(path).size : 0
    this.#stream = this.#open()
  }

  write(line: string): void {
    if (this.#bytes > LARGEST) this.#rotate()
    this.#bytes += line.length
    this.#stream.write(line)
  }

  end(): Promise<void> {
    return new Promise((resolve) => {
      this.#stream.end(resolve)
    })
  }

  #open(): WriteStream {
    const stream = createWriteStream(this.#path, { flags: 'a', mode: 0o600 })
    // A full disk must not end the server; what is lost is told where it can still be read.
    stream.on('error', (error) => process.stderr.write(`log file: ${error.message}\n`))
    return stream
  }

  #rotate(): void {
    this.#stream.end()
    for (let age = KEPT - 1; age >= 0; age -= 1) {
      const from = age === 0 ? this.#path : `${this.#path}.${age}`
      if (existsSync(from)) renameSync(from, `${this.#path}.${age + 1}`)
    }
    this.#bytes = 0
    this.#stream = this.#open()
  }
}

/** What an error says, and nothing that hangs on it: the database's errors carry their whole connection. */
function errorFacts(error: unknown): unknown {
  if (!(error instanceof Error)) return String(error)
  const code = 'code' in error ? { code: String(error.code) } : {}
  const cause = error.cause === undefined ? {} : { cause: errorFacts(error.cause) }
  return { type: error.name, message: error.message, stack: error.stack, ...code, ...cause }
}

export class LogError extends Error {
  override readonly name = 'LogError'
}

export interface ServerLog {
  log: Logger
  file: string
  close(): Promise<void>
}

export function openLog(dataDir: string, level: string): ServerLog {
  const folder = join(dataDir, 'log')
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
  } catch (error) {
    throw new LogError(`BREEZE_DATA_DIR: the log folder ${folder} can't be made`, { cause: error })
  }
  const file = join(folder, 'server.log')
  const rotating = new RotatingFile(file)
  const streams = [
    { level: level as pino.Level, stream: rotating },
    { level: 'warn' as const, stream: process.stderr },
  ]
  const log = pino(
    {
      level,
      base: null,
      redact: ['req.headers', '*.password', '*.token', '*.key'],
      serializers: { err: errorFacts },
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    level === 'silent' ? pino.destination('/dev/null') : pino.multistream(streams),
  )
  return { log, file, close: () => rotating.end() }
}
