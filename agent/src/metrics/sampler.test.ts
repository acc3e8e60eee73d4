import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { metricSample, type DiskSample } from '@breeze/contract/agent-metrics'
import { describe, expect, test, vi } from 'vitest'
import { recorded } from '../../test/recorded.ts'
import type { LogFields } from '../log.ts'
import { parseCpuTimes } from '../platform/linux.ts'
import type { ProcessRow } from '../platform/process-table.ts'
import { linuxMetrics, parseNetDev, physicalTraffic } from './linux.ts'
import { parseNetstatInterfaces } from './macos.ts'
import { figuresOf, Sampler } from './sampler.ts'
import { listedDisks, type MetricSource, type Reading } from './source.ts'
import { parseNetstat } from './windows.ts'

const reading = (more: Partial<Reading> = {}): Reading => ({
  atMs: 0,
  uptimeSeconds: 10,
  cpu: { idle: 0, total: 0 },
  memoryPercent: 50,
  swapPercent: null,
  load1: 0,
  traffic: new Map(),
  ...more,
})
const traffic = (counts: Record<string, [number, number]>) =>
  new Map(Object.entries(counts).map(([name, [received, sent]]) => [name, { received, sent }]))
const quiet = (): void => undefined

describe('on this machine', () => {
  const free = (): { memory: number; swap: number | null } => {
    const lines = execFileSync('free', ['-b'], { env: { LC_ALL: 'C' } })
      .toString()
      .split('\n')
    const numbers = (label: string): number[] =>
      (lines.find((line) => line.startsWith(label)) ?? '').split(/\s+/).slice(1).map(Number)
    const [total = 0, , , , , available = 0] = numbers('Mem:')
    const [swapTotal = 0, swapUsed = 0] = numbers('Swap:')
    return {
      memory: 100 * (1 - available / total),
      swap: swapTotal === 0 ? null : (100 * swapUsed) / swapTotal,
    }
  }
  /** What is read lies between what was there before and after, or next to it. */
  const between = (value: number | null, one: number, other: number, tolerance: number): void => {
    expect(value).toBeGreaterThanOrEqual(Math.min(one, other) - tolerance)
    expect(value).toBeLessThanOrEqual(Math.max(one, other) + tolerance)
  }
  const file = (path: string): string => readFileSync(path, 'utf8')

  test('a sample says what free, df and /proc say', async () => {
    // Others use the machine meanwhile: one of a few tries must agree.
    await vi.waitFor(
      async () => {
        const sampler = new Sampler(linuxMetrics, Date.now, quiet)
        await sampler.begin()
        await sleep(50)
        const [freeBefore, upBefore, loadBefore, dfBefore] = [free(), file('/proc/uptime'), file('/proc/loadavg'), df()]
        const sample = await sampler.take()
        const [freeAfter, upAfter, loadAfter, dfAfter] = [free(), file('/proc/uptime'), file('/proc/loadavg'), df()]
        expect(metricSample.parse(sample)).toEqual(sample)
        between(sample.memoryPercent, freeBefore.memory, freeAfter.memory, 0.2)
        if (freeBefore.swap === null) expect(sample.swapPercent).toBeNull()
        else between(sample.swapPercent, freeBefore.swap, freeAfter.swap ?? 0, 0.2)
        between(sample.uptimeSeconds, Number(upBefore.split(' ')[0]), Number(upAfter.split(' ')[0]), 0.02)
        expect([loadBefore, loadAfter].map((text) => Number(text.split(' ')[0]))).toContain(sample.load1)
        expect([dfBefore, dfAfter]).toContainEqual(sample.disks.map(asDf))
      },
      { timeout: 25_000, interval: 100 },
    )
  })

  const asDf = ({ mount, totalBytes, availableBytes, usedPercent }: DiskSample): string =>
    `${mount} ${totalBytes} ${availableBytes} ${usedPercent}%`
  function df(): string[] {
    const text = execFileSync('df', ['--local', '-B1', '--output=source,target,size,avail,pcent']).toString()
    const lines = text
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => line.split(/\s+/))
    return lines
      .filter(([source]) => source?.startsWith('/dev/'))
      .map(([, ...rest]) => rest.join(' '))
      .sort()
  }

  test('processor use is that of the time between two samples', async () => {
    await vi.waitFor(
      async () => {
        const sampler = new Sampler(linuxMetrics, Date.now, quiet)
        const before = parseCpuTimes(file('/proc/stat'))
        await sampler.begin()
        const until = performance.now() + 400
        while (performance.now() < until) Math.sqrt(until)
        const sample = await sampler.take()
        const after = parseCpuTimes(file('/proc/stat'))
        const busy = 100 * (1 - (after.idle - before.idle) / (after.total - before.total))
        between(sample.cpuPercent, busy, busy, 8)
      },
      { timeout: 25_000, interval: 100 },
    )
  })

  test('traffic is that of the cards, whose counters are those of /sys', async () => {
    const [card] = (await linuxMetrics.read()).traffic?.keys() ?? []
    if (card === undefined) throw new Error('this machine has no network')
    const received = (): number => Number(file(`/sys/class/net/${card}/statistics/rx_bytes`))
    await vi.waitFor(async () => {
      const before = received()
      const counted = (await linuxMetrics.read()).traffic?.get(card)?.received ?? null
      between(counted, before, received(), 0)
    })
  })

  test('a sample costs next to nothing', async () => {
    const sampler = new Sampler({ ...linuxMetrics, processes: async () => ({ source: '', rows: [] }) }, Date.now, quiet)
    await sampler.begin()
    await sampler.take()
    const before = process.cpuUsage()
    for (let n = 0; n < 20; n++) await sampler.take()
    const { user, system } = process.cpuUsage(before)
    // Each minute, at most: 0.5 % of a core would be 300 ms.
    expect((user + system) / 20 / 1000).toBeLessThan(30)
  })
})

describe('figures', () => {
  test('are averages since the reading before', () => {
    const before = reading({ cpu: { idle: 100, total: 200 }, traffic: traffic({ eth0: [1000, 500] }) })
    const after = reading({ atMs: 2000, cpu: { idle: 175, total: 300 }, traffic: traffic({ eth0: [5000, 1500] }) })
    expect(figuresOf(before, after)).toMatchObject({
      cpuPercent: 25,
      receivedBytesPerSecond: 2000,
      sentBytesPerSecond: 500,
    })
  })

  test('that nothing can be said of are null', () => {
    const nothing = { cpuPercent: null, receivedBytesPerSecond: null, sentBytesPerSecond: null }
    expect(figuresOf(undefined, reading())).toMatchObject(nothing)
    expect(figuresOf(reading(), reading({ cpu: null, traffic: null, atMs: 5 }))).toMatchObject(nothing)
    // Counters that began anew, and an interface that was not there before.
    const before = reading({ traffic: traffic({ eth0: [1000, 1000] }) })
    const after = reading({ atMs: 1000, traffic: traffic({ eth0: [10, 10], eth1: [1e9, 1e9] }) })
    expect(figuresOf(before, after)).toMatchObject(nothing)
    const both = traffic({ eth0: [1000, 1000], eth1: [0, 0] })
    expect(
      figuresOf(
        reading({ traffic: both }),
        reading({ atMs: 1000, traffic: traffic({ eth0: [10, 10], eth1: [7, 3] }) }),
      ),
    ).toMatchObject({ receivedBytesPerSecond: 7, sentBytesPerSecond: 3 })
  })
})

describe('a sampler', () => {
  const row = (pid: number, cpuPercent: number, memoryBytes: number): ProcessRow => ({
    pid,
    parent: 1,
    name: `p${pid}`,
    commandLine: 'secret --password=1',
    user: null,
    state: 'running',
    cpuPercent,
    memoryBytes,
    startedAt: null,
  })
  const source = (more: Partial<MetricSource> & { cpu?: number; memory?: number } = {}): MetricSource => {
    let total = 0
    return {
      processesEveryMs: 0,
      read: async () => {
        total += 100
        const idle = ((100 - (more.cpu ?? 10)) * total) / 100
        return reading({ atMs: total, cpu: { idle, total }, memoryPercent: more.memory ?? 50 })
      },
      disks: async () => [],
      processes: async () => ({ source: '', rows: Array.from({ length: 9 }, (_, n) => row(n, n * 10, 1e9 - n)) }),
      ...more,
    }
  }
  const taken = async (from: MetricSource) => {
    const sampler = new Sampler(from, Date.now, quiet)
    await sampler.begin()
    return [await sampler.take(), await sampler.take()]
  }

  test('names the processes that use most while use is high, and only then', async () => {
    const [calm] = await taken(source())
    expect(calm).not.toHaveProperty('topProcesses')
    const [busy] = await taken(source({ cpu: 75 }))
    expect(busy?.topProcesses?.map(({ pid }) => pid)).toEqual([8, 7, 6, 5, 4])
    expect(busy?.topProcesses?.[0]).toEqual({ name: 'p8', pid: 8, cpuPercent: 80, memoryBytes: 1e9 - 8 })
    const [full] = await taken(source({ memory: 85 }))
    expect(full?.topProcesses?.map(({ pid }) => pid)).toEqual([0, 1, 2, 3, 4])
  })

  test('names them seldom where that costs something', async () => {
    const [first, second] = await taken(source({ cpu: 90, processesEveryMs: 60_000 }))
    expect([first?.topProcesses?.length, second?.topProcesses]).toEqual([5, undefined])
  })

  test('takes what it can where something fails, and tells a failure once', async () => {
    const told: [string, LogFields | undefined][] = []
    const failing = source({
      cpu: 80,
      disks: () => Promise.reject(new Error('I/O error')),
      processes: () => Promise.reject(new Error('no')),
    })
    const sampler = new Sampler(failing, Date.now, (event, fields) => told.push([event, fields]))
    await sampler.begin()
    expect(await sampler.take()).toMatchObject({ cpuPercent: 80, disks: [] })
    await sampler.take()
    expect(told).toEqual([
      ['metrics_unreadable', { what: 'disks', message: 'I/O error' }],
      ['metrics_unreadable', { what: 'processes', message: 'no' }],
    ])
  })

  test('does not ask a disk again that has not answered yet', async () => {
    let asked = 0
    const hanging = source({
      disks: () => {
        asked += 1
        return new Promise(() => undefined)
      },
    })
    vi.useFakeTimers()
    try {
      const sampler = new Sampler(hanging, Date.now, quiet)
      await sampler.begin()
      const first = sampler.take()
      await vi.advanceTimersByTimeAsync(5000)
      expect((await first).disks).toEqual([])
      expect((await sampler.take()).disks).toEqual([])
      expect(asked).toBe(1)
    } finally {
      vi.useRealTimers()
    }
  })
})

describe('counters of', () => {
  test('Linux: the cards, without what carries the same bytes again', () => {
    const all = parseNetDev(
      [
        'Inter-|   Receive                                                |  Transmit',
        ' face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed',
        '    lo: 900 1 0 0 0 0 0 0 900 1 0 0 0 0 0 0',
        '  eth0:1000 2 0 0 0 0 0 0 200 1 0 0 0 0 0 0',
        ' bond0: 1000 2 0 0 0 0 0 0 200 1 0 0 0 0 0 0',
      ].join('\n'),
    )
    expect([...all.keys()]).toEqual(['lo', 'eth0', 'bond0'])
    expect(physicalTraffic(all, (name) => name === 'eth0')).toEqual(traffic({ eth0: [1000, 200] }))
    // In a container.
    expect([...physicalTraffic(all, () => false).keys()]).toEqual(['eth0', 'bond0'])
  })

  test('Windows, recorded, whatever its language', () => {
    expect(parseNetstat(recorded('windows/netstat-e.txt'))).toEqual(traffic({ all: [2_447_393_728, 384_632_734] }))
    expect(parseNetstat('Access denied.')).toBeNull()
  })

  test('macOS, recorded', () => {
    expect(parseNetstatInterfaces(recorded('macos/netstat-ibn.txt'))).toEqual(
      traffic({ en0: [8_123_456_789, 912_345_678], en5: [2_345_678, 3_456_789] }),
    )
  })
})

test('disks that cost a program are listed now and then, and measured each time', async () => {
  let listed = 0
  const disks = listedDisks(async () => {
    listed += 1
    const disk = { mount: '/', device: 'd', filesystem: 'f', totalBytes: 1, usedBytes: 1, availableBytes: 0 }
    return [{ ...disk, usedPercent: 100 }]
  })
  expect(await disks()).toEqual([{ mount: '/', usedPercent: 100, totalBytes: 1, availableBytes: 0 }])
  const [again] = await disks()
  expect(listed).toBe(1)
  expect(again?.totalBytes).toBeGreaterThan(1e6)
})
