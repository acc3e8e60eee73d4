/** Small exports of known vulnerabilities in the official formats, made here. */
import { crc32, deflateRawSync } from 'node:zlib'

type Releases = Record<string, { status: string; fixed_version?: string; urgency?: string }>

/** `{ package: { CVE: releases } }`, as https://security-tracker.debian.org/tracker/data/json has it. */
export const trackerExport = (packages: Record<string, Record<string, Releases>>): string =>
  JSON.stringify(
    Object.fromEntries(
      Object.entries(packages).map(([name, found]) => [
        name,
        Object.fromEntries(
          Object.entries(found).map(([id, releases]) => [id, { description: `About ${id}`, scope: 'local', releases }]),
        ),
      ]),
    ),
  )

export const osvRecord = (
  id: string,
  ecosystem: string,
  name: string,
  events: readonly object[],
  more: object = {},
): object => ({
  schema_version: '1.7.0',
  id,
  modified: '2026-03-04T05:06:07Z',
  published: '2026-03-01T00:00:00Z',
  affected: [{ package: { ecosystem, name, purl: `pkg:deb/x/${name}` }, ranges: [{ type: 'ECOSYSTEM', events }] }],
  ...more,
})

/** An archive as osv.dev gives it away. `wide`: with the 64-bit records of large ones; `sizeTold`: a lie about the sizes. */
export function zipOf(
  files: Readonly<Record<string, string>>,
  { wide = false, sizeTold }: { wide?: boolean; sizeTold?: number } = {},
): Buffer {
  const locals: Buffer[] = []
  const entries: Buffer[] = []
  let offset = 0
  for (const [name, text] of Object.entries(files)) {
    const content = Buffer.from(text)
    const packed = deflateRawSync(content)
    const header = {
      name: Buffer.from(name),
      crc: crc32(content),
      packed: packed.length,
      size: sizeTold ?? content.length,
    }
    const local = Buffer.concat([localHeader(header), packed])
    entries.push(directoryEntry({ ...header, offset }, wide))
    locals.push(local)
    offset += local.length
  }
  const directory = Buffer.concat(entries)
  const end = endRecords(entries.length, directory.length, offset, wide)
  return Buffer.concat([...locals, directory, end])
}

interface Header {
  name: Buffer
  crc: number
  packed: number
  size: number
}

function localHeader({ name, crc, packed, size }: Header): Buffer {
  const header = Buffer.alloc(30)
  header.writeUInt32LE(0x04034b50, 0)
  header.writeUInt16LE(8, 8)
  header.writeUInt32LE(crc, 14)
  header.writeUInt32LE(packed, 18)
  header.writeUInt32LE(size, 22)
  header.writeUInt16LE(name.length, 26)
  return Buffer.concat([header, name])
}

function directoryEntry({ name, crc, packed, size, offset }: Header & { offset: number }, wide: boolean): Buffer {
  const entry = Buffer.alloc(46)
  entry.writeUInt32LE(0x02014b50, 0)
  entry.writeUInt16LE(8, 10)
  entry.writeUInt32LE(crc, 16)
  entry.writeUInt32LE(wide ? 0xffffffff : packed, 20)
  entry.writeUInt32LE(wide ? 0xffffffff : size, 24)
  entry.writeUInt16LE(name.length, 28)
  entry.writeUInt32LE(wide ? 0xffffffff : offset, 42)
  if (!wide) return Buffer.concat([entry, name])
  const extra = Buffer.alloc(28)
  extra.writeUInt16LE(1, 0)
  extra.writeUInt16LE(24, 2)
  extra.writeBigUInt64LE(BigInt(size), 4)
  extra.writeBigUInt64LE(BigInt(packed), 12)
  extra.writeBigUInt64LE(BigInt(offset), 20)
  entry.writeUInt16LE(extra.length, 30)
  return Buffer.concat([entry, name, extra])
}

function endRecords(count: number, length: number, offset: number, wide: boolean): Buffer {
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(count, 8)
  end.writeUInt16LE(count, 10)
  end.writeUInt32LE(wide ? 0xffffffff : length, 12)
  end.writeUInt32LE(wide ? 0xffffffff : offset, 16)
  if (!wide) return end
  const record = Buffer.alloc(56)
  record.writeUInt32LE(0x06064b50, 0)
  record.writeBigUInt64LE(44n, 4)
  record.writeBigUInt64LE(BigInt(count), 24)
  record.writeBigUInt64LE(BigInt(count), 32)
  record.writeBigUInt64LE(BigInt(length), 40)
  record.writeBigUInt64LE(BigInt(offset), 48)
  const locator = Buffer.alloc(20)
  locator.writeUInt32LE(0x07064b50, 0)
  locator.writeBigUInt64LE(BigInt(offset + length), 8)
  locator.writeUInt32LE(1, 16)
  return Buffer.concat([record, locator, end])
}
