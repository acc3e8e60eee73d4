/** Time, ids and randomness: everything that a test wants to set comes from here. */
import { randomBytes } from 'node:crypto'

export interface Environment {
  now(): Date
  newId(): string
  randomBytes(size: number): Buffer
}

/** UUID version 7 (RFC 9562 §5.7): sorted by time, so that indexes grow at their end. */
export function uuidv7(milliseconds: number, random: Buffer): string {
  const bytes = Buffer.alloc(16)
  bytes.writeUIntBE(milliseconds, 0, 6)
  random.copy(bytes, 6, 0, 10)
  bytes[6] = 0x70 | (bytes.readUInt8(6) & 0x0f)
  bytes[8] = 0x80 | (bytes.readUInt8(8) & 0x3f)
  const hex = bytes.toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

export const systemEnvironment: Environment = {
  now: () => new Date(),
  newId: () => uuidv7(Date.now(), randomBytes(10)),
  randomBytes,
}
