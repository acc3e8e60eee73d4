import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type CommandOutcome, RESULT_DATA } from '@breeze/contract/agent-commands'
import type { ServiceItem } from '@breeze/contract/agent-inventory'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { carryOutElsewhere, type Elsewhere } from '../../test/elsewhere.ts'
import { type ServiceAction, type ServiceControl, unitOf } from '../platform/service-control.ts'
import { Refused } from './action.ts'
import { carryOut } from './control-service.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'breeze-service-test-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** An init script as Debian's are; `start` and `stop` are its parts that differ. */
function initScript(name: string, start: string, stop = 'kill "$(cat "$PIDFILE")"; rm "$PIDFILE"'): void {
  const script = `#!/bin/sh
### BEGIN INIT INFO
# Provides:          ${name}
# Short-Description: a service of a test
### END INIT INFO
PIDFILE=${folder}/${name}.pid
running() { [ -f "$PIDFILE" ] && kill -0 "$(cat "$PIDFILE")" 2>/dev/null; }
start() {
  ${start}
}
stop() {
  running || return 0
  ${stop}
}
case "$1" in
  start) running || start ;;
  stop) stop ;;
  restart) stop; start ;;
  status) running && exit 0; [ -f "$PIDFILE" ] && exit 1; exit 3 ;;
  *) echo "Usage: $0 {start|stop|restart|status}"; exit 2 ;;
esac
`
  writeFileSync(join(folder, name), script, { mode: 0o755 })
}
const DAEMON = 'setsid sleep 300 & echo $! > "$PIDFILE"'

/** In a mount namespace where /etc/init.d holds only the scripts of this test. */
function control(...steps: [name: string, action: ServiceAction, timeoutSeconds?: number][]): CommandOutcome[] {
  const commands = steps.map(([name, action, timeoutSeconds = 20]): Elsewhere['commands'][number] => ({
    type: 'service.control',
    args: { name, action, timeoutSeconds },
  }))
  return carryOutElsewhere(['unshare', '-m'], `mount --bind ${folder} /etc/init.d`, {
    stateDirectory: folder,
    commands,
  })
}
const dataOf = (outcome: CommandOutcome | undefined) => RESULT_DATA['service.control'].parse(outcome?.data)

describe('an init script', () => {
  test('is started, restarted and stopped, and its state read back each time', () => {
    initScript('breeze-test', DAEMON)
    const outcomes = control(
      ['breeze-test', 'start'],
      ['breeze-test', 'start'],
      ['breeze-test', 'restart'],
      ['breeze-test', 'stop'],
      ['breeze-test', 'stop'],
    )
    expect(outcomes.map(({ state, reason }) => [state, reason])).toEqual(outcomes.map(() => ['succeeded', undefined]))
    const [started, again, restarted, stopped] = outcomes.map(dataOf)
    expect(started).toMatchObject({ before: 'stopped', state: 'running', source: '/etc/init.d', name: 'breeze-test' })
    expect(started?.pid).toBeGreaterThan(1)
    expect(again).toMatchObject({ before: 'running', state: 'running', pid: started?.pid })
    expect(restarted).toMatchObject({ before: 'running', state: 'running' })
    expect(restarted?.pid).not.toBe(started?.pid)
    expect(stopped).toMatchObject({ before: 'running', state: 'stopped', pid: null })
    expect(outcomes[0]?.output).toMatch(/^start breeze-test: stopped before, running now, process \d+$/)
  })

  test('that comes up slowly is waited for', () => {
    initScript('breeze-slow', `(sleep 1; ${DAEMON}) > /dev/null 2>&1 &`)
    const [outcome] = control(['breeze-slow', 'start'], ['breeze-slow', 'stop'])
    expect(outcome).toMatchObject({ state: 'succeeded', data: { before: 'stopped', state: 'running' } })
  })

  test('that fails says why in its own words', () => {
    initScript('breeze-broken', 'echo "port 80 is taken" >&2; return 7')
    expect(control(['breeze-broken', 'start'])).toMatchObject([
      {
        state: 'failed',
        reason: 'start of breeze-broken: port 80 is taken',
        data: { before: 'stopped', state: 'stopped', pid: null },
      },
    ])
  })

  test('that reports success and does nothing has failed', () => {
    initScript('breeze-liar', 'true')
    expect(control(['breeze-liar', 'start', 1])).toMatchObject([
      {
        state: 'failed',
        reason: 'start of breeze-liar: the manager reported success, but the service is stopped',
        data: { state: 'stopped' },
      },
    ])
  })

  test('that does not really stop has failed', () => {
    initScript('breeze-stubborn', DAEMON, 'true')
    const outcomes = control(['breeze-stubborn', 'start'], ['breeze-stubborn', 'stop', 1])
    const pid = dataOf(outcomes[0]).pid
    if (pid !== null) process.kill(pid)
    expect(outcomes[1]).toMatchObject({
      state: 'failed',
      reason: 'stop of breeze-stubborn: the manager reported success, but the service is running',
    })
  })

  test('that hangs is given up', () => {
    initScript('breeze-hanging', 'sleep 60')
    const [outcome] = control(['breeze-hanging', 'start', 1])
    expect(outcome).toMatchObject({ state: 'failed', data: { state: 'stopped' } })
    expect(outcome?.reason).toContain('did not end within 1000 ms')
  })

  test('is only one of those in the folder, whatever the name looks like', () => {
    initScript('breeze-test', DAEMON)
    const names = ['no-such', '../../bin/sh', '/etc/init.d/breeze-test', '-h', '--now', '', 'breeze-test start', '.']
    const outcomes = control(...names.map((name): [string, ServiceAction] => [name, 'start']))
    expect(outcomes.map(({ state, reason }) => [state, reason])).toEqual(
      names.map((name) => ['failed', `This device has no service ${JSON.stringify(name)}`]),
    )
  })

  test('of the agent itself is left alone', () => {
    initScript('breeze-agent', DAEMON)
    const refused = {
      state: 'rejected',
      reason: 'denied_locally: the agent does not control the service that it runs as',
    }
    expect(control(['breeze-agent', 'restart'], ['breeze-agent', 'stop'])).toMatchObject([refused, refused])
  })
})

describe('any manager', () => {
  const service = (changes: Partial<ServiceItem>): ServiceItem => ({
    name: 'web',
    displayName: null,
    state: 'running',
    start: 'automatic',
    manager: 'systemd',
    pid: 10,
    ...changes,
  })
  const fake = (...states: Partial<ServiceItem>[]): ServiceControl => ({
    source: 'systemctl',
    read: async () => service((states.length > 1 ? states.shift() : states[0]) ?? {}),
    act: async () => undefined,
    own: async () => 'breeze-custom',
  })
  const run = (manager: ServiceControl, action: ServiceAction, name = 'web') =>
    carryOut(manager, { name, action, timeoutSeconds: 1 }, new AbortController().signal)

  test('a restart that leaves the same process has not happened', async () => {
    expect(await run(fake({ pid: 10 }, { pid: 10 }), 'restart')).toMatchObject({
      failure: 'restart of web: the manager reported success, but the same process runs on',
    })
    expect(await run(fake({ pid: 10 }, { pid: 11 }), 'restart')).not.toHaveProperty('failure')
  })

  test('a service that does not tell its state is not called started', async () => {
    expect(await run(fake({ state: 'unknown' }), 'start')).toMatchObject({
      failure: 'start of web: the manager reported success, and the service does not tell its state',
    })
  })

  test('a service that ended badly when it was stopped has stopped', async () => {
    expect(await run(fake({}, { state: 'stopping' }, { state: 'failed', pid: null }), 'stop')).not.toHaveProperty(
      'failure',
    )
  })

  test('the agent’s own service is recognised under whatever name it is installed', async () => {
    await expect(run(fake({ name: 'breeze-custom' }), 'stop', 'an-alias')).rejects.toThrow(Refused)
  })

  test('a cancel ends the waiting', async () => {
    const told = new AbortController()
    const running = carryOut(
      fake({ state: 'starting' }),
      { name: 'web', action: 'start', timeoutSeconds: 60 },
      told.signal,
    )
    told.abort('cancelled')
    await expect(running).rejects.toMatchObject({ name: 'AbortError' })
  })
})

test.each([
  ['0::/system.slice/breeze-agent.service\n', 'breeze-agent'],
  ['0::/system.slice/system-breeze.slice/breeze@1.service/breeze-0000\n', 'breeze@1'],
  ['1:name=systemd:/user.slice/session-1.scope\n0::/\n', undefined],
])('the unit of %j is %s', (cgroups, unit) => {
  expect(unitOf(cgroups)).toBe(unit)
})
