import type { LogEntry } from '@breeze/contract/agent-commands'

/** Who tried to sign in, from where, as far as the log tells. */
export interface FailedSignIn {
  user: string | null
  address: string | null
  /** The log tells of several at once. */
  count: number
}

export interface TailEntry extends LogEntry {
  /** Where the platform marks failed sign-ins by more than words. */
  signIn?: FailedSignIn
}

export interface TailRead {
  /** The oldest first. */
  entries: TailEntry[]
  /** From here the next read goes on. */
  position: string
}

/** A log that is read on from where reading ended. */
export interface LogTail {
  source: string
  /** What came behind the position. Without one: nothing, and where the log ends now. */
  read(position: string | undefined): Promise<TailRead>
}

/** Gives the tail of a log, or why it is not there. */
export type TailSource = () => Promise<LogTail | string>
