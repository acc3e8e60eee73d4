/** Short rounds of every case after each other, so that what disturbs this machine disturbs all of them alike. */
import type { Case } from './cases.ts'
import { load, median, percentile } from './client.ts'
import { cpuMicroseconds, treeCpuMicroseconds } from './process-facts.ts'
import type { StatementCount, StatementCounter } from './statements.ts'

export const CONCURRENCIES = [1, 32] as const
export type Concurrency = (typeof CONCURRENCIES)[number]

export interface CaseResult {
  of: Case
  concurrency: Concurrency
  /** Calls a second, one for each round. */
  rates: number[]
  latencies: number[]
  calls: number
  serverMicroseconds: number
  postgresMicroseconds: number
  statements: number
  transactions: number
}

export interface Processes {
  server: number
  floor: number
  postgres: number
}

export interface RoundsOptions {
  cases: readonly Case[]
  processes: Processes
  statements: StatementCounter
  rounds: number
  roundMs: number
  warmUpMs: number
}

export async function runRounds(options: RoundsOptions): Promise<CaseResult[]> {
  const results = CONCURRENCIES.flatMap((concurrency) => options.cases.map((of) => emptyResult(of, concurrency)))
  // Both the compiler's and the connections' warm-up: every case at full width.
  for (const of of options.cases) await load(of.target, 32, options.warmUpMs)
  for (let round = 0; round < options.rounds; round++) {
    for (const result of rotated(results, round)) await measure(result, options)
  }
  return results
}

function emptyResult(of: Case, concurrency: Concurrency): CaseResult {
  const zero = { calls: 0, serverMicroseconds: 0, postgresMicroseconds: 0, statements: 0, transactions: 0 }
  return { of, concurrency, rates: [], latencies: [], ...zero }
}

/** Another case comes first in each round: none is always behind the same neighbour's garbage. */
function rotated(results: readonly CaseResult[], round: number): CaseResult[] {
  const start = (round * 3) % results.length
  return [...results.slice(start), ...results.slice(0, start)]
}

async function measure(result: CaseResult, { processes, statements, roundMs }: RoundsOptions): Promise<void> {
  const serving = result.of.over === 'floor' ? processes.floor : processes.server
  const countBefore = await statements.read()
  const [servedBefore, databaseBefore] = [cpuMicroseconds(serving), treeCpuMicroseconds(processes.postgres)]
  const done = await load(result.of.target, result.concurrency, roundMs)
  const [servedAfter, databaseAfter] = [cpuMicroseconds(serving), treeCpuMicroseconds(processes.postgres)]
  const count = difference(countBefore, await statements.read())
  result.rates.push(done.calls / done.seconds)
  result.latencies.push(...done.latencies)
  result.calls += done.calls
  result.serverMicroseconds += servedAfter - servedBefore
  result.postgresMicroseconds += databaseAfter - databaseBefore
  result.statements += count.statements
  result.transactions += count.transactions
}

const difference = (before: StatementCount, after: StatementCount): StatementCount => ({
  statements: after.statements - before.statements,
  transactions: after.transactions - before.transactions,
})

export interface Summary {
  call: string
  over: string
  concurrency: number
  rate: number
  p50: number
  p95: number
  p99: number
  serverMicroseconds: number
  postgresMicroseconds: number
  statements: number
  transactions: number
  /** Of the floor's rate in the same round, the median of all rounds; only for what the floor does too. */
  ofFloor: number | null
}

export function summarise(results: readonly CaseResult[]): Summary[] {
  return results.map((result) => {
    const floor = results.find((other) => other.of.over === 'floor' && other.concurrency === result.concurrency)
    const comparable = result.of.call === 'list_devices' && result !== floor
    const ratios = result.rates.map((rate, round) => rate / (floor?.rates[round] ?? Number.NaN))
    return {
      call: result.of.call,
      over: result.of.over,
      concurrency: result.concurrency,
      rate: median(result.rates),
      p50: percentile(result.latencies, 0.5),
      p95: percentile(result.latencies, 0.95),
      p99: percentile(result.latencies, 0.99),
      serverMicroseconds: result.serverMicroseconds / result.calls,
      postgresMicroseconds: result.postgresMicroseconds / result.calls,
      statements: result.statements / result.calls,
      transactions: result.transactions / result.calls,
      ofFloor: comparable ? median(ratios) : null,
    }
  })
}
