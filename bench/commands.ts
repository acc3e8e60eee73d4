/** From the call of `run_script` to its answer with the device's output. */
import { z } from 'zod'
import { rest } from './cases.ts'
import { ask, percentile } from './client.ts'

const answer = z.object({ state: z.string(), devices: z.array(z.object({ state: z.string() })).min(1) })

export interface CommandReport {
  commands: number
  p50: number
  p95: number
  p99: number
}

export async function measureCommands(
  server: string,
  key: string,
  device: string,
  commands: number,
): Promise<CommandReport> {
  const input = { devices: [device], language: 'powershell', content: 'hostname', timeout_seconds: 20 }
  const target = rest(server, key, 'POST', '/run_script', input)
  const latencies: number[] = []
  for (let index = 0; index < commands + WARM_UP; index++) {
    const began = performance.now()
    const said = answer.parse(JSON.parse(await ask(target)))
    if (said.devices.some((one) => one.state !== 'succeeded')) throw new Error(`a command ended ${said.state}`)
    if (index >= WARM_UP) latencies.push(performance.now() - began)
  }
  return {
    commands,
    p50: percentile(latencies, 0.5),
    p95: percentile(latencies, 0.95),
    p99: percentile(latencies, 0.99),
  }
}

const WARM_UP = 10
