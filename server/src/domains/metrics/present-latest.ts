/** The latest sample of a device, as a small part of an answer about it. */
import type { ProcessSample } from '@breeze/contract/agent-metrics'
import { fenced } from '../../kernel/content/device-text.ts'
import { inBytes, oneLine } from './words.ts'
import type { LatestMetrics } from './latest.ts'

/** As one more section of the device: what it holds of the device's words is cleaned as that of the others. */
export function metricsSection(latest: LatestMetrics | null) {
  const about = { name: 'metrics', status: latest ? 'ok' : 'not_collected', source: null, detail: null }
  return { ...about, collected_at: latest?.at.toISOString() ?? null, ...(latest && { data: dataOf(latest) }) }
}

function dataOf(latest: LatestMetrics) {
  const { cpu, memory, swap, load, received, sent, disks, top } = latest
  return {
    cpu_percent: tenth(cpu),
    memory_percent: tenth(memory),
    swap_percent: tenth(swap),
    load: load === null ? null : Math.round(load * 100) / 100,
    received_bytes_per_second: whole(received),
    sent_bytes_per_second: whole(sent),
    disks: disks.map(({ mount, used, available }) => ({ mount, used_percent: used, available_bytes: available })),
    busiest: top && {
      at: top.at.toISOString(),
      processes: top.processes.map(({ name, cpuPercent, memoryBytes }) => {
        return { name, cpu_percent: cpuPercent, memory_bytes: memoryBytes }
      }),
    },
  }
}

export function latestText(latest: LatestMetrics | null): string {
  if (!latest) return 'Metrics: none in the last 48 hours.'
  const { at, cpu, memory, swap, load, received, sent, disks, top } = latest
  const said = [
    cpu !== null && `processor ${tenth(cpu)} %`,
    memory !== null && `memory ${tenth(memory)} %`,
    swap !== null && `swap ${tenth(swap)} %`,
    load !== null && `load ${load}`,
    received !== null && sent !== null && `network in ${inBytes(received)}/s, out ${inBytes(sent)}/s`,
  ]
  const named = [
    ...disks.map(({ mount, used, available }) => `${oneLine(mount)}: ${used} %, ${inBytes(available)} available`),
    ...(top ? [`busiest at ${top.at.toISOString()}: ${top.processes.map(processText).join('; ')}`] : []),
  ]
  const head = `Metrics at ${at.toISOString()}: ${said.filter((part) => part !== false).join('; ')}.`
  return named.length === 0 ? head : `${head}\n${fenced('disks and processes', named.join('\n'), LONGEST)}`
}

const LONGEST = 6000
const processText = ({ name, cpuPercent, memoryBytes }: ProcessSample): string =>
  `${oneLine(name)} ${cpuPercent ?? '?'} %${memoryBytes === null ? '' : `, ${inBytes(memoryBytes)}`}`

/** Stored as `real`: 12.3 comes back as 12.300000190734863. */
const tenth = (value: number | null): number | null => (value === null ? null : Math.round(value * 10) / 10)
const whole = (value: number | null): number | null => (value === null ? null : Math.round(value))
