import { isAbsolute, join } from 'node:path'

/** What of sshd_config(5) matters here, all lower case; a keyword that is nowhere has its default. */
export interface SshdSettings {
  values: Map<string, string>
  /** Match blocks may say otherwise for some users or addresses. */
  hasMatch: boolean
}

export interface ConfigFiles {
  /** Undefined where there is no such file. */
  read(path: string): Promise<string | undefined>
  /** The files that a pattern names, in order. */
  glob(pattern: string): Promise<string[]>
}

const MAX_FILES = 100

/** The first value of a keyword counts, and an Include stands for the lines of its files. */
export async function readSshdConfig(files: ConfigFiles, path = '/etc/ssh/sshd_config'): Promise<SshdSettings> {
  const settings: SshdSettings = { values: new Map(), hasMatch: false }
  const budget = { files: 0 }
  await readInto(path, files, settings, budget)
  return settings
}

async function readInto(path: string, files: ConfigFiles, settings: SshdSettings, budget: { files: number }) {
  if (++budget.files > MAX_FILES) return
  const text = await files.read(path)
  for (const line of (text ?? '').split('\n')) {
    const [, keyword = '', rest = ''] = /^\s*([a-z]+)(?:\s+|\s*=\s*)(.*?)\s*$/i.exec(line) ?? []
    if (keyword === '') continue
    const name = keyword.toLowerCase()
    if (name === 'match') {
      settings.hasMatch = true
      // A block goes on to the next one or the end of the file: nothing behind it is for everybody.
      if (!/^all$/i.test(rest)) return
      continue
    }
    if (name === 'include') {
      for (const pattern of words(rest)) {
        const absolute = isAbsolute(pattern) ? pattern : join('/etc/ssh', pattern)
        for (const file of await files.glob(absolute)) await readInto(file, files, settings, budget)
      }
      continue
    }
    const value = words(rest)[0]
    if (value !== undefined && !settings.values.has(name)) settings.values.set(name, value.toLowerCase())
  }
}

function words(text: string): string[] {
  return [...text.matchAll(/"([^"]*)"|([^\s#]+)|#.*$/g)]
    .map(([, quoted, plain]) => quoted ?? plain ?? '')
    .filter(Boolean)
}

/** `sshd -T` prints one effective setting a line, lower case. A port may come several times: the first is told. */
export function parseEffective(stdout: string): Map<string, string> {
  const values = new Map<string, string>()
  for (const [, name, value] of stdout.matchAll(/^([a-z]+) (.+)$/gm)) {
    if (name !== undefined && value !== undefined && !values.has(name)) values.set(name, value.trim())
  }
  return values
}
