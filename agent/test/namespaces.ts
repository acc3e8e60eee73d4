import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'

const ip = (...args: string[]): string => execFileSync('ip', args, { encoding: 'utf8', stdio: 'pipe', timeout: 10_000 })

/** Two networks that hold nothing but a cable between them. */
export interface CabledNetworks {
  near: { name: string; address: string }
  far: { name: string; address: string }
  /** The command line that runs a program in one of them. */
  inside(name: string, ...command: string[]): [string, string[]]
  remove(): void
}

/** Why this machine can't make networks; undefined when it can. */
export function whyNoNetworks(): string | undefined {
  const cabled = cableNetworks()
  if ('reason' in cabled) return cabled.reason
  cabled.networks.remove()
  return undefined
}

/** Those of test runs that were killed before they could tidy up. */
function sweep(): void {
  for (const [name, pid] of ip('netns', 'list').matchAll(/^breeze-(\d+)-\S+/gm)) {
    try {
      process.kill(Number(pid), 0)
    } catch {
      ip('netns', 'delete', name)
    }
  }
}

/** The reason where this machine can't make networks: not Linux, not root, or not allowed to. */
export function cableNetworks(): { networks: CabledNetworks } | { reason: string } {
  const mark = `breeze-${process.pid}-${randomBytes(3).toString('hex')}`
  const [near, far] = [`${mark}-near`, `${mark}-far`]
  // Deleting a network takes its end of the cable along, and that the other end.
  const remove = (): void => {
    for (const name of [near, far]) {
      try {
        ip('netns', 'delete', name)
      } catch (error) {
        if (!String(error).includes('No such file')) throw error
      }
    }
  }
  try {
    sweep()
    ip('netns', 'add', near)
    ip('netns', 'add', far)
    ip('-n', near, 'link', 'add', 'cable', 'type', 'veth', 'peer', 'name', 'cable', 'netns', far)
    for (const [name, address] of [
      [near, '10.213.0.2/30'],
      [far, '10.213.0.1/30'],
    ] as const) {
      ip('-n', name, 'address', 'add', address, 'dev', 'cable')
      ip('-n', name, 'link', 'set', 'cable', 'up')
      ip('-n', name, 'link', 'set', 'lo', 'up')
    }
  } catch (error) {
    remove()
    return { reason: `network namespaces can't be made here: ${String(error).split('\n')[0] ?? ''}` }
  }
  return {
    networks: {
      near: { name: near, address: '10.213.0.2' },
      far: { name: far, address: '10.213.0.1' },
      inside: (name, ...command) => ['ip', ['netns', 'exec', name, ...command]],
      remove,
    },
  }
}
