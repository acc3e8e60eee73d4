import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import type { CommandArgs, ResultData } from '@breeze/contract/agent-commands'
import type { Executor } from '../executor.ts'
import { fileAction } from './files/file-action.ts'
import type { PathGuard } from './files/path-guard.ts'
import { FileProblem, follow, identityOf } from './files/place.ts'

export function readFile(guard: PathGuard): Executor<'files.read'> {
  return fileAction({
    type: 'files.read',
    async act(args) {
      const data = await read(args, guard)
      const bytes = Buffer.byteLength(data.content, 'base64')
      return { data, text: `${bytes} of ${data.sizeBytes} bytes of ${data.path}, from ${data.offset}` }
    },
  })
}

async function read(args: CommandArgs<'files.read'>, guard: PathGuard): Promise<ResultData<'files.read'>> {
  const { place, pinned } = await follow(args.path, (...step) => guard.check('read', ...step))
  try {
    // Asked before it is opened: opening a device can act on it, and a FIFO waits for a writer.
    if (!pinned.stats.isFile()) throw new FileProblem('It is not a regular file')
    const file = await open(pinned.at, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
    try {
      const stats = await file.stat()
      if (identityOf(stats) !== pinned.identity) throw new FileProblem('The file changed while it was opened')
      const bytes = await readPart(file, args)
      const whole = args.offset === 0 && bytes.length === stats.size
      return {
        path: place.path,
        content: bytes.toString('base64'),
        offset: args.offset,
        sizeBytes: stats.size,
        sha256: whole ? createHash('sha256').update(bytes).digest('hex') : null,
      }
    } finally {
      await file.close()
    }
  } finally {
    await Promise.all([place.close(), pinned.close()])
  }
}

async function readPart(
  file: FileHandle,
  { offset, maxBytes }: Pick<CommandArgs<'files.read'>, 'offset' | 'maxBytes'>,
): Promise<Buffer> {
  const buffer = Buffer.alloc(maxBytes)
  let length = 0
  while (length < maxBytes) {
    const { bytesRead } = await file.read(buffer, length, maxBytes - length, offset + length)
    if (bytesRead === 0) break
    length += bytesRead
  }
  return buffer.subarray(0, length)
}
