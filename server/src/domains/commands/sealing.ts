/** Commands that carry secrets lie sealed in the database, each for itself, until they have ended; then a trigger empties them. */
import type { SecretBox } from '../../keys/secret-box.ts'

const purpose = (id: string): string => `device_commands payload ${id}`

export const sealPayload = (box: SecretBox, { id, payload }: { id: string; payload: string }): string =>
  box.seal(Buffer.from(payload), purpose(id)).toString('base64')

export const openPayload = (box: SecretBox, { id, payload }: { id: string; payload: string }): string =>
  box.open(Buffer.from(payload, 'base64'), purpose(id)).toString()
