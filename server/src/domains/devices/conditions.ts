/** What is known of a device beside its status: values in `devices.conditions`. */
import { type RawBuilder, sql } from 'kysely'
import { conflict, type KernelError } from '../../kernel/errors.ts'

/** With one of these a device reports, and gets no commands: nobody approved it, or two machines claim to be it. */
export const BLOCKING = ['awaiting_approval', 'quarantined'] as const
export type BlockingCondition = (typeof BLOCKING)[number]

/** Of a row of `devices d`. */
export const TRUSTED_SQL = `not d.conditions && '{${BLOCKING.join(',')}}'`
export const trusted = (): RawBuilder<boolean> => sql.raw(TRUSTED_SQL)

export const blockedBy = (conditions: readonly string[]): BlockingCondition | undefined =>
  BLOCKING.find((condition) => conditions.includes(condition))

/** Names them by id: a name is what the device calls itself, and this text is the server's. */
export function blocked(devices: readonly { id: string; conditions: readonly string[] }[]): KernelError {
  const [first] = devices
  const quarantined = devices.some((device) => blockedBy(device.conditions) === 'quarantined')
  const others = devices.length > 1 ? ` (and ${devices.length - 1} more)` : ''
  return conflict(
    `Device ${first?.id}${others} ${quarantined ? 'is quarantined' : 'waits for approval'} and gets no commands.`,
    quarantined
      ? 'Release it with manage_devices once it is clear which machine it is, or leave it out.'
      : 'Approve it with manage_devices, or leave it out.',
  )
}
