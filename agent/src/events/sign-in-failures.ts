import type { FailedSignIn, TailEntry } from '../platform/log-tail.ts'

interface Pattern {
  /** Absent: whichever. */
  program?: RegExp
  platform?: NodeJS.Platform
  message: RegExp
}

/**
 * What programs write of an attempt to sign in that failed, each attempt once: where a program and PAM both tell of it, one of
 * the two is passed over. `user` and `address` are what the other side sent: text, not facts.
 */
const PATTERNS: readonly Pattern[] = [
  {
    program: /^sshd(?:-session)?$/,
    message: /^Failed password for (?:invalid user )?(?<user>.*) from (?<address>\S+) port \d+/,
  },
  // A password that PAM asked for: sshd's own line for it comes only now and then.
  {
    program: /^sshd(?:-session)?$/,
    message: /^error: PAM: [Aa]uthentication (?:failure|error) for (?:illegal user )?(?<user>.*) from (?<address>\S+)/,
  },
  {
    program: /^dropbear$/,
    message: /^Bad (?:PAM )?password attempt for '(?<user>.*)' from (?<address>\S+?):\d+$/,
  },
  // login, su, sudo, display managers, cockpit. Without a user it is no local account, and another module tells.
  {
    message:
      /^pam_unix\((?!sshd:)[^)]{1,80}:auth\): authentication failure;.* rhost=(?<address>\S*) +user=(?<user>\S+)/,
  },
  {
    program: /^sudo$/,
    platform: 'darwin',
    message: /^\s*(?<user>\S+) : (?<times>\d{1,3}) incorrect password attempts? ;/,
  },
]

/** Null for what is no failed sign-in. */
export function failedSignIn(
  { source, message, signIn }: TailEntry,
  platform: NodeJS.Platform = process.platform,
): FailedSignIn | null {
  if (signIn) return signIn
  // rsyslog folds lines that come again.
  const [, folded = '1', repeated] = /^message repeated (\d{1,6}) times: \[ ?(.*)\]$/s.exec(message) ?? []
  for (const pattern of PATTERNS) {
    if (pattern.platform && pattern.platform !== platform) continue
    const found =
      pattern.program?.test(source) === false ? undefined : pattern.message.exec(repeated ?? message)?.groups
    if (!found) continue
    const count = Math.max(1, Number(folded) * Number(found['times'] ?? 1))
    return { user: known(found['user']), address: known(found['address']), count }
  }
  return null
}

const known = (text: string | undefined): string | null => (text === undefined || text === '' ? null : text)
