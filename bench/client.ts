/** The load: so many keep-alive connections, each asking again as soon as it was answered. */
import { Agent, request } from 'node:http'

export interface Target {
  url: string
  method: 'GET' | 'POST'
  headers: Record<string, string>
  body: string | undefined
}

export interface Load {
  calls: number
  seconds: number
  /** Milliseconds, in no order. */
  latencies: number[]
}

const agents = new Map<number, Agent>()

function agentFor(concurrency: number): Agent {
  const known = agents.get(concurrency)
  if (known) return known
  const agent = new Agent({ keepAlive: true, maxSockets: concurrency, maxFreeSockets: concurrency })
  agents.set(concurrency, agent)
  return agent
}

export function closeConnections(): void {
  for (const agent of agents.values()) agent.destroy()
  agents.clear()
}

/** One call; a status that is not expected is an error of the benchmark, not a number in it. */
export function ask(target: Target, expected: readonly number[] = [200], agent = agentFor(1)): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { ...target.headers, ...(target.body !== undefined && { 'content-length': target.body.length }) }
    const asked = request(target.url, { method: target.method, headers, agent }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString()
        if (expected.includes(response.statusCode ?? 0)) resolve(text)
        else reject(new Error(`${target.url} answered ${response.statusCode}: ${text.slice(0, 300)}`))
      })
    })
    asked.on('error', reject)
    asked.end(target.body)
  })
}

export async function load(target: Target, concurrency: number, milliseconds: number): Promise<Load> {
  const agent = agentFor(concurrency)
  const latencies: number[] = []
  const began = performance.now()
  const end = began + milliseconds
  const worker = async (): Promise<void> => {
    for (let now = performance.now(); now < end;) {
      await ask(target, undefined, agent)
      const after = performance.now()
      latencies.push(after - now)
      now = after
    }
  }
  await Promise.all(Array.from({ length: concurrency }, worker))
  return { calls: latencies.length, seconds: (performance.now() - began) / 1000, latencies }
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = Float64Array.from(values).sort()
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const [low = Number.NaN, high = Number.NaN] = [sorted[Math.ceil(sorted.length / 2) - 1], sorted[middle]]
  return (low + high) / 2
}
