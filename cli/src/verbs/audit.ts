import { setTimeout as sleep } from 'node:timers/promises'
import type { Command } from 'commander'
import { EXIT, Failure } from '../failure.ts'
import { note, plural } from '../print.ts'
import { answer, runVerb, verb, type CommonOptions } from './verb.ts'

interface Broken {
  chain: string
  seq: number
  id: string | null
  problem: string
}

export function auditVerbs(program: Command): void {
  const audit = program.command('audit').description('the record of who did what')
  verb(
    audit,
    'verify',
    'check that no entry was changed, removed or reordered; exit code 1 when one was',
    'breeze audit verify',
  ).action(async (options: CommonOptions) => {
    const result = await verify(options)
    answer(options, result, ['ok', 'entries', 'first_broken'], () => {
      if (result['ok'] === true)
        return `The audit is whole: ${plural(Number(result['entries']), 'entry').replace(/entrys$/, 'entries')} verified.`
      const broken = result['first_broken'] as Broken | undefined
      if (!broken) return 'The audit is broken.'
      return `The audit is broken at entry ${broken.seq} of chain ${broken.chain}${broken.id ? ` (${broken.id})` : ''}: ${broken.problem}.`
    })
    if (result['ok'] !== true) process.exitCode = EXIT.refused
  })
}

const LONGEST_MS = 30 * 60_000
const PAUSE_MS = 2000

/** A long audit takes longer than one call may: the server goes on verifying, and the next call waits for the same walk. */
async function verify(options: CommonOptions) {
  const deadline = Date.now() + LONGEST_MS
  for (;;) {
    try {
      return await runVerb(options, 'manage_audit', { action: 'verify' })
    } catch (error) {
      const underWay = error instanceof Failure && error.detail?.['code'] === 'unavailable'
      if (!underWay || Date.now() > deadline) throw error
      note('Still verifying …')
      await sleep(PAUSE_MS)
    }
  }
}
