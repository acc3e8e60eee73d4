/** Mail, where it is set up: invitations and links to set a new password. Never says whether an address exists. */
import { createTransport, type Transporter } from 'nodemailer'

declare module '../kernel/services.ts' {
  interface Services {
    mail: Mail
  }
}

export interface MailOptions {
  /** smtp:// or smtps://, with user and password where the server wants them; null: no mail. */
  url: string | null
  from: string
  onError(error: unknown): void
}

const TIMEOUT_MS = 10_000

export class Mail {
  readonly #transport: Transporter | null
  readonly #options: MailOptions

  constructor(options: MailOptions) {
    this.#options = options
    const timeouts = { connectionTimeout: TIMEOUT_MS, greetingTimeout: TIMEOUT_MS, socketTimeout: TIMEOUT_MS }
    this.#transport = options.url === null ? null : createTransport({ url: options.url, ...timeouts })
  }

  get on(): boolean {
    return this.#transport !== null
  }

  invitation(to: string, link: string, expiresAt: string): Promise<boolean> {
    return this.#send(to, 'You are invited to Breeze', [
      'You are invited to Breeze. Choose a password here to accept:',
      link,
      `The link works once, until ${expiresAt}. If you did not expect it, do nothing.`,
    ])
  }

  reset(to: string, link: string, expiresAt: string): Promise<boolean> {
    return this.#send(to, 'Set a new password for Breeze', [
      'Somebody, most likely you, asked for a new password for Breeze. Set it here:',
      link,
      `The link works once, until ${expiresAt}. If it was not you, do nothing: your password stays.`,
    ])
  }

  /** A message to several people, each address as it stands. Throws where the mail server did not take it. */
  async deliver(to: readonly string[], subject: string, text: string): Promise<void> {
    if (!this.#transport) throw new Error('no mail server is set up')
    const addresses = to.map((address) => ({ name: '', address }))
    await this.#transport.sendMail({ from: this.#options.from, to: addresses, subject, text })
  }

  /** Whether the mail server took it. A failure is for the log: the caller goes on without. */
  async #send(to: string, subject: string, lines: readonly string[]): Promise<boolean> {
    if (!this.#transport) return false
    try {
      // As an object, so that no comma or bracket in it makes a second recipient.
      const address = { name: '', address: to }
      await this.#transport.sendMail({ from: this.#options.from, to: address, subject, text: lines.join('\n\n') })
      return true
    } catch (error) {
      this.#options.onError(error)
      return false
    }
  }
}
