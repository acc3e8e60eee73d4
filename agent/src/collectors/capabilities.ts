import { CAPABILITIES, type Capability } from '@breeze/contract/agent-capabilities'
import {
  type CommandBody,
  type CommandType,
  SCRIPT_LANGUAGES,
  type ScriptArgs,
  type ScriptLanguage,
} from '@breeze/contract/agent-commands'
import type { Executor, Executors } from '../executor.ts'
import type { LocalPolicy } from '../local-policy.ts'
import { errorText } from '../log.ts'
import { clip, type Collector, type SectionData } from './section.ts'

export interface CapabilitiesOptions {
  executors: Executors
  policy: Pick<LocalPolicy, 'deniesAny'>
}

/** What this device can carry out, by the words of those who would carry it out, and with what its owner forbids. */
export function capabilities(options: CapabilitiesOptions): Collector<'capabilities'> {
  return {
    name: 'capabilities',
    source: 'the agent and the policy of the device',
    platforms: ['linux', 'win32', 'darwin'],
    collect: () => Promise.all(CAPABILITIES.map((name) => capability(name, options))),
    stable: (data) => data,
  }
}

type Item = SectionData<'capabilities'>[number]

async function capability(name: Capability, { executors, policy }: CapabilitiesOptions): Promise<Item> {
  const bodies = [PROBES[name]].flat()
  const denied = await policy.deniesAny([...new Set(bodies.map(({ type }) => type)), name])
  const reason = denied ? 'denied by the device’s own policy' : await whyNone(bodies, executors)
  return reason === undefined ? { name, supported: true } : { name, supported: false, reason: clip(reason, 300) }
}

/** Undefined as soon as one of them can be carried out. */
async function whyNone(bodies: readonly CommandBody[], executors: Executors): Promise<string | undefined> {
  let reason: string | undefined
  for (const body of bodies) {
    reason = await why(body, executors)
    if (reason === undefined) return undefined
  }
  return reason
}

async function why(body: CommandBody, executors: Executors): Promise<string | undefined> {
  // The union of bodies pairs each type with its arguments; the compiler can't follow the pair through the look-up.
  const executor = executors[body.type] as Executor | undefined
  if (!executor) return 'this agent does not know how'
  try {
    return await executor.unsupported({
      commandId: '00000000-0000-0000-0000-000000000000',
      args: body.args,
      signal: new AbortController().signal,
      reply: async () => false,
      tell: async () => ({}),
    })
  } catch (error) {
    return `it could not be found out: ${errorText(error)}`
  }
}

const script = (language: ScriptLanguage, more: Partial<ScriptArgs> = {}): CommandBody => ({
  type: 'script.run',
  args: { language, content: '', arguments: [], timeoutSeconds: 1, ...more },
})
const power = (type: Extract<CommandType, `power.${string}`>): CommandBody => ({
  type,
  args: { delaySeconds: 0, reason: '' },
})

/** A command that needs the capability, or several of which one is enough. None of them is ever run. */
const PROBES: { readonly [C in Capability]: CommandBody | readonly CommandBody[] } = {
  'script.bash': script('bash'),
  'script.sh': script('sh'),
  'script.python': script('python'),
  'script.powershell': script('powershell'),
  'script.cmd': script('cmd'),
  'script.run_as': script('sh', { runAs: 'root' }),
  'script.environment': SCRIPT_LANGUAGES.map((language) => script(language, { environment: {} })),
  'power.reboot': power('power.reboot'),
  'power.shutdown': power('power.shutdown'),
  'device.lock': { type: 'device.lock', args: {} },
  'network.wake': { type: 'network.wake', args: { macs: ['00:00:00:00:00:00'] } },
  'network.diagnose': { type: 'network.diagnose', args: {} },
  'service.control': { type: 'service.control', args: { name: '', action: 'start', timeoutSeconds: 1 } },
  'logs.read': { type: 'logs.read', args: { log: 'system', limit: 1 } },
  'processes.list': { type: 'processes.list', args: { sort: 'cpu', limit: 1 } },
  'files.list': { type: 'files.list', args: { path: '/', limit: 1 } },
  'files.read': { type: 'files.read', args: { path: '/', offset: 0, maxBytes: 1 } },
  'files.put': { type: 'files.put', args: { path: '/', content: '', overwrite: false } },
  'files.delete': { type: 'files.delete', args: { path: '/' } },
  'updates.scan': { type: 'updates.scan', args: { refreshLists: false } },
  'updates.install': { type: 'updates.install', args: { updates: [], timeoutSeconds: 60 } },
  'network.isolate': { type: 'network.isolate', args: { allow: [], releaseAfterSeconds: 0 } },
  'network.release': { type: 'network.release', args: {} },
  'agent.update': {
    type: 'agent.update',
    args: { manifest: { keyId: '', payload: '', signature: '' }, ticket: '', probationSeconds: 1, force: false },
  },
}
