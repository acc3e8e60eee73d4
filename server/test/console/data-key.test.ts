import { randomBytes } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { boot } from '../harness.ts'

test('the server does not start with another data-encryption key than its secrets are sealed with', async () => {
  const first = await boot()
  const { dataDir, database } = first
  const file = join(dataDir, 'keys', 'data-encryption')
  await first.stop({ keep: true })
  await rm(file)
  // Lost: a new one is made, and noticed. Wrong: the same.
  await expect(boot({ previous: { dataDir, database } })).rejects.toThrow(/data-encryption is not the key/)
  await writeFile(file, randomBytes(32), { mode: 0o600 })
  await expect(boot({ previous: { dataDir, database } })).rejects.toThrow(/restore it from a backup/)
})
