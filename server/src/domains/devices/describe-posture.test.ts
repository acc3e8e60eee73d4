import type { Posture } from '@breeze/contract/agent-inventory'
import { expect, it } from 'vitest'
import { describePosture } from './describe-posture.ts'

const known = <T>(data: T) => ({ status: 'ok' as const, source: 'a test', data })
const unknown = { status: 'no_permission' as const, source: 'a test' }

it('says of each protection what is known, and of the others that they are unknown', () => {
  const posture: Posture = {
    diskEncryption: known([
      { mount: '/', encrypted: true, method: 'luks2' },
      { mount: '/data', encrypted: false, method: null },
    ]),
    firewall: known({ product: null, installed: false, enabled: false, defaultDenyInbound: null }),
    antimalware: known([]),
    ssh: known({ running: true, passwordAuthentication: null, permitRootLogin: 'no', port: 22 }),
    screenLock: unknown,
    timeSync: known({ synchronized: null, service: null, running: false }),
    rebootPending: known({ pending: true, reasons: ['kernel'] }),
    endOfLife: known({ supportedUntil: null, product: 'Debian 12' }),
  }
  expect(describePosture(posture).split('; ')).toEqual([
    '1 of 2 volumes encrypted',
    'no firewall installed',
    'no anti-malware found',
    'SSH on, passwords unknown, root login no',
    'screen lock unknown (no permission)',
    'time of unknown accuracy, its service off',
    'reboot pending (kernel)',
    'Debian 12 supported until an unknown date',
  ])
})
