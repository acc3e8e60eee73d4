/** A network of its own for an agent: at the other end of its cable are the server, behind TLS, and somebody else. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { selfSigned } from '../../../agent/test/certificate.ts'
import { cableNetworks } from '../../../agent/test/namespaces.ts'

const END = join(import.meta.dirname, '../../../agent/test/cable-end.ts')
const [PORT, OTHER] = [8443, 8444]

export interface Cable {
  /** Of the server, for the agent. */
  url: string
  certificatePath: string
  /** The command line that runs a program in the agent's network. */
  inside(...command: string[]): [string, string[]]
  run(...command: string[]): string
  reaches(which: 'server' | 'stranger'): boolean
  close(): Promise<void>
}

/** `target`: where the server listens in this network, asked for when somebody connects. */
export async function layCable(target: () => string): Promise<Cable> {
  const cabled = cableNetworks()
  if ('reason' in cabled) throw new Error(cabled.reason)
  const { near, far, inside, remove } = cabled.networks
  const folder = mkdtempSync(join(tmpdir(), 'breeze-cable-'))
  const socket = join(folder, 'server.sock')
  const bridge = await bridgeTo(target, socket)
  const { key, cert } = selfSigned(`IP:${far.address}`)
  const [keyPath, certificatePath] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  writeFileSync(keyPath, key)
  writeFileSync(certificatePath, cert)
  const args = [END, far.address, String(PORT), String(OTHER), keyPath, certificatePath, socket]
  const end = spawn(...inside(far.name, process.execPath, ...args), { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(end.stdout, 'data')
  const here = (...command: string[]) => inside(near.name, ...command)
  const run = (...command: string[]) => execFileSync(...here(...command), { encoding: 'utf8', stdio: 'pipe' })
  return {
    url: `https://${far.address}:${PORT}`,
    certificatePath,
    inside: here,
    run,
    reaches(which) {
      try {
        run('timeout', '3', 'bash', '-c', `: < /dev/tcp/${far.address}/${which === 'server' ? PORT : OTHER}`)
        return true
      } catch {
        return false
      }
    },
    async close() {
      await ended(end)
      bridge.close()
      remove()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}

/** A file is the same in every network. */
export async function bridgeTo(target: () => string, socket: string): Promise<Server> {
  const bridge = createServer((client) => {
    const { hostname, port } = new URL(target())
    const server = connect(Number(port), hostname)
    client.pipe(server).pipe(client)
    client.on('error', () => server.destroy())
    server.on('error', () => client.destroy())
    client.on('close', () => server.destroy())
  })
  bridge.listen(socket)
  await once(bridge, 'listening')
  return bridge
}
