import { join } from 'node:path'

/** Where the agent lives on a Linux machine. */
export interface Layout {
  program: string
  /** The agent's settings as environment variables; readable by root only. */
  environment: string
  /** What this device refuses whatever the server says; written by whoever runs the machine. */
  policy: string
  state: string
  log: string
  pid: string
  unit: string
  initScript: string
}

export const SERVICE_NAME = 'breeze-agent'

/** `root` is another folder than `/` in tests only. */
export function layout(root = '/'): Layout {
  return {
    program: join(root, 'opt/breeze-agent/breeze-agent'),
    environment: join(root, 'etc/breeze-agent/agent.env'),
    policy: join(root, 'etc/breeze-agent/policy.json'),
    state: join(root, 'var/lib/breeze-agent'),
    log: join(root, 'var/log/breeze-agent/agent.log'),
    pid: join(root, 'run/breeze-agent.pid'),
    unit: join(root, 'etc/systemd/system/breeze-agent.service'),
    initScript: join(root, 'etc/init.d/breeze-agent'),
  }
}

/** Below everything that people wait for. Scripts inherit it. */
export const NICENESS = 10
