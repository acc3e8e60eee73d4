/** What a command found, as text that a person or a model can read. All of it is what the device said. */
import type { ResultData } from '@breeze/contract/agent-commands'
import { dataOf } from './data.ts'
import { fileContent } from './file-content.ts'

type Found = { type: string; data: unknown }

/** Null where the command found nothing that is in the shape of its type. */
export function readableData(found: Found): string | null {
  return DESCRIBE.get(found.type)?.(found) ?? null
}

const DESCRIBE = new Map<string, (found: Found) => string | null>(
  Object.entries({
    'service.control': (found) => as(found, 'service.control', service),
    'logs.read': (found) => as(found, 'logs.read', logLines),
    'processes.list': (found) => as(found, 'processes.list', processTable),
    'network.diagnose': (found) => as(found, 'network.diagnose', network),
    'network.wake': (found) =>
      as(found, 'network.wake', ({ sent, addresses }) => `${sent} packets sent to ${addresses.join(', ')}`),
    'files.list': (found) => as(found, 'files.list', folder),
    'files.read': (found) => as(found, 'files.read', file),
    'files.put': (found) =>
      as(found, 'files.put', (put) => `${put.replaced ? 'replaced' : 'written'}: ${put.path}, ${put.sizeBytes} bytes`),
    'files.delete': (found) =>
      as(found, 'files.delete', (gone) => `deleted: ${gone.path}, which had ${gone.sizeBytes} bytes`),
    'updates.scan': (found) =>
      as(
        found,
        'updates.scan',
        (scan) => `${scan.pending} pending, lists of ${scan.listsUpdatedAt ?? 'an unknown time'}`,
      ),
    'updates.install': (found) => as(found, 'updates.install', installed),
    'network.isolate': (found) => as(found, 'network.isolate', isolation),
    'network.release': (found) => as(found, 'network.release', isolation),
    'agent.update': (found) =>
      as(found, 'agent.update', ({ from, to, running }) => `ordered ${to}, ran ${from} before, runs ${running} now`),
  }),
)

function as<T extends Parameters<typeof dataOf>[1]>(
  found: Found,
  type: T,
  describe: (data: ResultData<T>) => string,
): string | null {
  const data = dataOf(found, type)
  return data === null ? null : describe(data)
}

const service = (data: ResultData<'service.control'>): string =>
  `${data.name}: ${data.before} before, ${data.state} now${data.pid === null ? '' : `, process ${data.pid}`}`

export function logLines(data: ResultData<'logs.read'>): string {
  const lines = data.entries.map(
    ({ at, level, source, message }) =>
      `${at ?? '-'} ${level ?? '-'} ${source}: ${message.replaceAll(/\s*\n\s*/g, ' ')}`,
  )
  if (lines.length === 0) lines.push('no entries match')
  return [...lines, `(read from ${data.source}${data.more ? '; more entries match' : ''})`].join('\n')
}

function processTable(data: ResultData<'processes.list'>): string {
  const lines = data.processes.map((process) =>
    [
      process.pid,
      process.user ?? '-',
      process.cpuPercent === null ? '-' : `${process.cpuPercent.toFixed(1)} %`,
      `${Math.round(process.memoryBytes / 1024 ** 2)} MiB`,
      process.state,
      (process.commandLine || process.name).slice(0, 160),
    ].join('  '),
  )
  return [`${data.processes.length} of ${data.total}: pid  user  CPU  memory  state  command`, ...lines].join('\n')
}

function network(data: ResultData<'network.diagnose'>): string {
  const checks = data.checks.map(({ check, target, ok, milliseconds, detail }) => {
    const time = milliseconds === null ? '' : ` in ${milliseconds} ms`
    return `${check} ${target}: ${ok ? 'ok' : 'failed'}${time}${detail ? ` (${detail})` : ''}`
  })
  const servers = data.nameServers.join(', ') || 'none'
  return [`gateway ${data.defaultGateway ?? 'none'}, name servers ${servers}`, ...checks].join('\n')
}

function folder(data: ResultData<'files.list'>): string {
  const lines = data.entries.map((entry) =>
    [entry.mode, entry.owner ?? '-', entry.sizeBytes, entry.modifiedAt ?? '-', entry.name + MARK[entry.kind]].join(
      '  ',
    ),
  )
  return [`${data.path}: ${data.entries.length} of ${data.total} entries`, ...lines].join('\n')
}
const MARK = { file: '', folder: '/', link: '@', other: '?' }

function installed({ results, rebootPending }: ResultData<'updates.install'>): string {
  const lines = results.map(({ name, state, before, after, reason }) => {
    const versions = before === after ? (after ?? 'not installed') : `${before ?? 'none'} → ${after ?? 'none'}`
    return `${name}: ${state.replace('_', ' ')}, ${versions}${reason === undefined ? '' : ` (${reason})`}`
  })
  const restart = rebootPending === null ? 'unknown' : rebootPending ? 'yes' : 'no'
  return [...lines, `restart pending: ${restart}`].join('\n')
}

function isolation({ isolated, until }: ResultData<'network.isolate'>): string {
  if (!isolated) return 'not isolated'
  return until === null ? 'isolated until it is released' : `isolated until ${until}`
}

function file(data: ResultData<'files.read'>): string {
  const { encoding, content, bytes } = fileContent(data)
  return encoding === 'text' ? content : `binary, ${bytes} bytes from ${data.offset} of ${data.sizeBytes}`
}
