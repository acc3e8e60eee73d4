import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { AGENT_POLL_PATHS, pollOpened } from '@breeze/contract/agent-protocol'
import type { AgentConfig } from '../config.ts'
import { importPrivateKey, publicKeyText, signText, verifyText } from '../device-key.ts'
import { post } from '../http-post.ts'
import { isMissing, loadIdentity } from '../identity-store.ts'
import { parseJournal } from '../journal-format.ts'
import { errorText } from '../log.ts'
import { openTransport, type Transport } from '../transport.ts'
import { bundleCommand } from './bundle.ts'
import { readVersions } from './versions.ts'

const ANSWER_MS = 15_000
/** Of the whole test. A busy machine starts a process slowly. */
const TEST_MS = 90_000
const MOST_OUTPUT_BYTES = 64 * 1024

/** What a build finds out about itself before it is trusted with this machine. Changes nothing. */
export async function selfTest({ stateDirectory, network, servers }: AgentConfig): Promise<void> {
  const identity = await loadIdentity(stateDirectory)
  if (identity?.state !== 'enrolled') throw new Error('this device is not enrolled')
  const key = importPrivateKey(identity.privateKey)
  if (!verifyText(publicKeyText(key), 'self-test', signText(key, 'self-test')))
    throw new Error('the key of this device does not sign')
  parseJournal(await readJournal(stateDirectory))
  await readVersions(stateDirectory)
  await meetServer(servers, await openTransport(network))
}

async function readJournal(stateDirectory: string): Promise<Buffer> {
  try {
    return await readFile(join(stateDirectory, 'journal.ndjson'))
  } catch (error) {
    if (isMissing(error)) return Buffer.alloc(0)
    throw error
  }
}

/** One of them gives a challenge that this build can read. */
async function meetServer(servers: readonly string[], transport: Transport): Promise<void> {
  const reasons: string[] = []
  for (const server of servers) {
    try {
      const url = new URL(AGENT_POLL_PATHS.open, server)
      const { status, text } = await post(url, '{}', { transport, timeoutMs: ANSWER_MS, maxReplyBytes: 64 * 1024 })
      if (status !== 200) throw new Error(`status ${status}`)
      if (pollOpened.parse(JSON.parse(text)).frames[0]?.type === 'challenge') return
      throw new Error('it did not begin with a challenge')
    } catch (error) {
      reasons.push(`${server}: ${errorText(error)}`)
    }
  }
  throw new Error(`no server answers as this version expects (${reasons.join('; ')})`)
}

/** Throws the reason for which the build failed its own test, or is another than it should be. */
export async function runSelfTest(
  path: string,
  argv: readonly string[],
  expected: string,
  signal: AbortSignal,
): Promise<void> {
  const [program, ...rest] = bundleCommand(path, [...argv, '--self-test'])
  const { error, stdout, stderr } = await new Promise<{ error: Error | null; stdout: string; stderr: string }>(
    (resolve) =>
      execFile(
        program,
        rest,
        { signal, timeout: TEST_MS, killSignal: 'SIGKILL', maxBuffer: MOST_OUTPUT_BYTES },
        (failed, out, err) => resolve({ error: failed, stdout: out, stderr: err }),
      ),
  )
  if (error) {
    const last = stderr.trim().split('\n').at(-1) ?? ''
    throw new Error(`it failed its self-test: ${last === '' ? errorText(error) : last}`.slice(0, 400), { cause: error })
  }
  if (stdout.trim() !== expected) throw new Error(`it says that it is ${stdout.trim().slice(0, 40)}, not ${expected}`)
}
