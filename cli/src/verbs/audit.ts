import type { Command } from 'commander'
import { EXIT } from '../failure.ts'
import { plural } from '../print.ts'
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
    const result = await runVerb(options, 'manage_audit', { action: 'verify' })
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
