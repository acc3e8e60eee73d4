/** What ends the CLI with other than 0. */

export const EXIT = { refused: 1, usage: 2, unreachable: 3 } as const

export class Failure extends Error {
  override readonly name = 'Failure'
  readonly exitCode: number
  /** What to do about it. */
  readonly remedy: string | undefined
  /** For `--json`: the refusal as the server said it. */
  readonly detail: Readonly<Record<string, unknown>> | undefined

  constructor(
    kind: keyof typeof EXIT,
    message: string,
    more: { remedy?: string; detail?: Record<string, unknown>; cause?: unknown } = {},
  ) {
    super(message, { cause: more.cause })
    this.exitCode = EXIT[kind]
    this.remedy = more.remedy
    this.detail = more.detail
  }
}

export const usage = (message: string, remedy = 'See --help.'): Failure => new Failure('usage', message, { remedy })
