import { describe, expect, it } from 'vitest'
import type { Hold, Outcome } from '../../kernel/kernel.ts'
import { translate } from './call-tool.ts'
import { clientName } from './principal.ts'

const plan: Hold['plan'] = {
  summary: 'Reboot 2 devices.',
  blast_radius: { devices: 2, sites: 1, organizations: 1, servers: 0, names: ['WS-01', 'WS-02'] },
  irreversible: [],
  warnings: [],
}
const textOf = (outcome: Outcome) => JSON.stringify(translate('device_actions', outcome).content)

describe('an outcome becomes', () => {
  it("the tool's text and data when done, with the audit entry if there is one", () => {
    const done: Outcome = { status: 'done', text: 'Done.', data: { ok: true }, auditEntry: 'entry-1' }
    expect(translate('x', done)).toEqual({
      content: [{ type: 'text', text: 'Done.\n\nAudit entry: entry-1' }],
      structuredContent: { ok: true },
    })
    expect(textOf({ ...done, auditEntry: null })).not.toContain('Audit entry')
    expect(textOf({ ...done, text: 'Done. Audit entry: entry-1' }).match(/entry-1/g)).toHaveLength(1)
  })

  it('instructions for confirming, unless the text already has the token', () => {
    const confirmation = { token: 'token-1', expires_at: '2026-11-21T12:00:00Z' }
    const hold: Hold = { state: 'confirmation_required', operation: 'operation-1', plan, confirmation }
    const held: Outcome = { status: 'held', text: 'Would reboot.', hold, auditEntry: 'entry-1' }
    expect(textOf(held)).toContain('call device_actions again')
    expect(textOf({ ...held, text: 'Confirm with token-1.' }).match(/token-1/g)).toHaveLength(1)
  })

  it('whom to wait for when a second person must approve', () => {
    const hold: Hold = { state: 'approval_required', operation: 'operation-1', plan }
    const text = textOf({ status: 'held', text: 'Would reboot 30 devices.', hold, auditEntry: 'entry-1' })
    expect(text).toContain('second person')
    expect(text).toContain('get_operation')
  })

  it('an error with everything a model needs to go on', () => {
    const denial = {
      code: 'ambiguous' as const,
      reason: '"PC" names 2 devices.',
      remedy: 'Call again with the id.',
      candidates: [{ id: 'id-1', name: 'PC', detail: 'Northwind' }],
      retry_after_seconds: 7,
    }
    const result = translate('x', { status: 'failed', denial, auditEntry: 'entry-1' })
    expect(result).toMatchObject({ isError: true, structuredContent: { ...denial, audit_entry: 'entry-1' } })
    for (const part of ['names 2 devices', 'Call again with the id', 'id id-1', 'Northwind', '7 seconds', 'entry-1']) {
      expect(JSON.stringify(result.content)).toContain(part)
    }
  })
})

it.each([
  ['claude-code 2.1.237', 'claude-code 2.1.237'],
  ['evil\u202Eclient\u0000\n\u001B[31m', 'evil client [31m'],
  [' '.repeat(50), null],
  [null, null],
  ['x'.repeat(500), 'x'.repeat(120)],
])('a client that calls itself %j is recorded as %j', (raw, recorded) => {
  expect(clientName(raw)).toBe(recorded)
})
