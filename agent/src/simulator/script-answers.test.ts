import { describe, expect, test } from 'vitest'
import { factsOf } from './facts.ts'
import { servicesOf } from './services.ts'
import { answer } from './script-answers.ts'
import { commandOf, statementsOf } from './script-text.ts'
import type { SystemKind } from './systems.ts'

function run(kind: SystemKind, content: string): string {
  const name = { domain_controller: 'ACME-DC-01', web: 'Contoso-WEB-01', mac: 'Contoso-MAC-01' }[kind as 'web'] ?? 'x'
  const facts = factsOf({ name, kind, organization: 'o', site: 's', state: 'online' }, 'seed')
  const machine = {
    facts,
    bootedAt: new Date(0),
    now: new Date(90_000_000),
    services: () => servicesOf(facts, new Map()),
  }
  return statementsOf(content)
    .map((statement) => answer(commandOf(statement), machine))
    .map((result) => ('text' in result ? result.text : JSON.stringify(result)))
    .join('\n')
}

describe('answers of a simulated device', () => {
  test('differ by system', () => {
    expect(run('domain_controller', 'whoami')).toBe('nt authority\\system')
    expect(run('web', 'whoami')).toBe('root')
    expect(run('web', 'uname -a')).toMatch(/^Linux Contoso-WEB-01 6\.8/)
    expect(run('mac', 'uname -a')).toMatch(/^Darwin/)
    expect(run('mac', 'sw_vers')).toContain('15.1.1')
  })

  test('tell the device its own name in every way a script asks', () => {
    expect(run('web', 'hostname')).toBe('Contoso-WEB-01')
    expect(run('web', 'echo "on $(hostname) now"')).toBe('on Contoso-WEB-01 now')
    expect(run('domain_controller', 'Write-Output $env:COMPUTERNAME')).toBe('ACME-DC-01')
  })

  test('show the services that such a server has', () => {
    expect(run('domain_controller', 'Get-Service')).toContain('NTDS')
    expect(run('domain_controller', 'Get-Service -Name W32*')).toContain('Windows Time')
    expect(run('domain_controller', 'Get-Service NoSuch')).toContain('Cannot find any service')
  })

  test('answer the first command of a pipe, and each statement of a line', () => {
    expect(run('web', 'df -h / | tail -n 1; whoami 2>/dev/null && echo done')).toMatch(/Mounted on[\s\S]*root\ndone$/)
  })

  test('leave comments and settings out and honour exit and sleep', () => {
    const script = '#!/bin/bash\nset -euo pipefail\n# a comment; with a semicolon\nsleep 2\nexit 3'
    expect(run('web', script)).toBe('{"act":"sleep","seconds":2}\n{"act":"exit","code":3}')
    expect(run('domain_controller', 'Start-Sleep -Seconds 5')).toBe('{"act":"sleep","seconds":5}')
  })

  test('say plainly when nothing is prepared', () => {
    expect(run('web', 'rm -rf /tmp/x')).toBe('simulated device: no answer is prepared for "rm -rf /tmp/x"')
  })
})
