import type { CommandArgs, CommandType } from '@breeze/contract/agent-commands'
import type { Executor } from '../../executor.ts'
import { errorCode } from '../../platform/error-code.ts'
import { action, type Done } from '../action.ts'
import { FileProblem } from './place.ts'

type FileCommand = Extract<CommandType, `files.${string}`>

/** A network file system may never answer; the agent's thread that waits for it is lost either way. */
const TIMEOUT_MS = 60_000

export interface FileAction<T extends FileCommand> {
  type: T
  act(args: CommandArgs<T>): Promise<Done<T>>
}

/** A file command: Linux only, because what protects it against swapped folders is the kernel's /proc/self/fd. */
export function fileAction<T extends FileCommand>({ type, act }: FileAction<T>): Executor<T> {
  return action({
    type,
    timeoutMs: () => TIMEOUT_MS,
    unsupported: async () =>
      process.platform === 'linux' ? undefined : `files are not handled by this agent on ${process.platform} yet`,
    async act(args) {
      try {
        return await act(args)
      } catch (error) {
        throw inWords(error)
      }
    },
  })
}

const WORDS: Readonly<Record<string, string>> = {
  ENOENT: 'There is no such file or folder',
  ENOTDIR: 'A part of the path is not a folder',
  EISDIR: 'It is a folder',
  EACCES: 'The agent may not do that',
  EPERM: 'The agent may not do that',
  EROFS: 'The file system is read-only',
  ENOSPC: 'The disk is full',
  EDQUOT: 'The quota is used up',
  ENAMETOOLONG: 'The name is too long',
  ELOOP: 'The path leads through a link where none may be',
  ENOTEMPTY: 'The folder is not empty',
  EBUSY: 'It is in use, or a mount point',
  EEXIST: 'It exists already',
}

/** Node's own message would repeat the internal path. */
function inWords(error: unknown): unknown {
  const code = errorCode(error)
  if (code === undefined) return error
  return new FileProblem(WORDS[code] ?? `The system refused: ${code}`, { cause: error })
}
