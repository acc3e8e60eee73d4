import { runProgram } from '../run-program.ts'
import { lastLine, MOST_UPDATES, type PendingUpdate, pendingUpdate, type PendingUpdates } from '../updates/manager.ts'

const TIMEOUT_MS = 240_000
const PREFERENCES = '/Library/Preferences/com.apple.SoftwareUpdate'

export async function macosUpdates(): Promise<PendingUpdates> {
  const list = await runProgram('softwareupdate', ['--list', '--no-scan'], { timeoutMs: TIMEOUT_MS, nice: true })
  if (list.exitCode !== 0) throw new Error(`softwareupdate failed: ${lastLine(list.stderr)}`)
  const date = await runProgram('defaults', ['read', PREFERENCES, 'LastSuccessfulDate'])
  return {
    manager: 'softwareupdate',
    listsUpdatedAt: date.exitCode === 0 ? parseDefaultsDate(date.stdout) : null,
    updates: parseSoftwareUpdate(list.stdout).slice(0, MOST_UPDATES),
  }
}

/** `* Label: …` and below it `Title: …, Version: …, Size: …, Recommended: YES, Action: restart,`. */
export function parseSoftwareUpdate(text: string): PendingUpdate[] {
  const pattern = /^\s*\* Label: (.+)\n\s*Title: (.+?), Version: ([^,]*)/gm
  return [...text.matchAll(pattern)].map(([, label = '', title = '', version = '']) =>
    pendingUpdate({
      name: title.trim(),
      installed: null,
      available: version.trim() || label.trim(),
      architecture: null,
      origin: 'Apple',
      // Apple tells it only in the name.
      security: /security/i.test(`${label} ${title}`) ? true : null,
    }),
  )
}

/** `2024-04-24 06:01:12 +0000`. */
export function parseDefaultsDate(text: string): string | null {
  const [, day, time] = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) \+0000$/.exec(text.trim()) ?? []
  return day === undefined ? null : new Date(`${day}T${time}Z`).toISOString()
}
