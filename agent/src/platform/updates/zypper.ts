import { runProgram } from '../run-program.ts'
import { xmlText } from '../xml-text.ts'
import { exists, filesOf, modifiedAt } from '../files.ts'
import { lastLine, latest, MOST_UPDATES, type PendingUpdate, pendingUpdate, type UpdateManager } from './manager.ts'

const CACHE = '/var/cache/zypp/raw'
const ARGUMENTS = ['--non-interactive', '--no-refresh', '--xmlout', 'list-updates']

export const zypper: UpdateManager = {
  manager: 'zypper',
  present: () => exists('/usr/bin/zypper'),
  async read() {
    const result = await runProgram('zypper', ARGUMENTS, { timeoutMs: 120_000, maxBytes: 8_000_000, nice: true })
    if (result.exitCode !== 0) throw new Error(`zypper failed: ${lastLine(result.stderr || result.stdout)}`)
    const folders = await filesOf(CACHE)
    const dates = await Promise.all(folders.map((name) => modifiedAt(`${CACHE}/${name}/repodata/repomd.xml`)))
    return {
      manager: 'zypper',
      listsUpdatedAt: latest(dates),
      updates: parseZypperUpdates(result.stdout).slice(0, MOST_UPDATES),
    }
  },
}

/** `<update kind="package" name edition edition-old arch>…<source alias/></update>`. */
export function parseZypperUpdates(xml: string): PendingUpdate[] {
  return [...xml.matchAll(/<update\s([^>]*)>(.*?)<\/update>/gs)].flatMap(([, attributes = '', body = '']) => {
    const name = attribute(attributes, 'name')
    const available = attribute(attributes, 'edition')
    if (name === null || available === null || attribute(attributes, 'kind') !== 'package') return []
    return pendingUpdate({
      name,
      installed: attribute(attributes, 'edition-old'),
      available,
      architecture: attribute(attributes, 'arch'),
      origin: attribute(/<source\s([^>]*)/.exec(body)?.[1] ?? '', 'alias'),
      // Security is told of patches, which are sets of packages.
      security: null,
    })
  })
}

function attribute(attributes: string, name: string): string | null {
  const value = new RegExp(`(?:^|\\s)${name}="([^"]*)"`).exec(attributes)?.[1]
  return value === undefined ? null : xmlText(value)
}
