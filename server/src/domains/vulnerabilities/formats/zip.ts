/** The members of a ZIP archive, one after the other and within bounds (APPNOTE 6.3.10, with the 64-bit records of large ones). */
import type { FileHandle } from 'node:fs/promises'
import { promisify } from 'node:util'
import { inflateRaw } from 'node:zlib'

const inflate = promisify(inflateRaw)

export class NotZip extends Error {
  override readonly name = 'NotZip'
}

interface Member {
  name: string
  method: number
  packedSize: number
  size: number
  offset: number
}

/** A record of an export has kilobytes; what is larger is no record, or was made to burst. */
const LARGEST_MEMBER = 8_000_000
const LARGEST_TOTAL = 8_000_000_000
const LARGEST_DIRECTORY = 128_000_000
const [END, END_64, LOCATOR_64, ENTRY, LOCAL] = [0x06054b50, 0x06064b50, 0x07064b50, 0x02014b50, 0x04034b50]
const [END_BYTES, LOCATOR_BYTES, END_64_BYTES, ENTRY_BYTES, LOCAL_BYTES] = [22, 20, 56, 46, 30]
const LONGEST_COMMENT = 65_535
const IN_64 = 0xffffffff
/** Room for a local header's extra field, which may be longer than the directory's. */
const EXTRA_ROOM = 512

/** In the order of `sorted`; members that `wanted` refuses are not unpacked. */
export async function* zipMembers(
  handle: FileHandle,
  size: number,
  options: { wanted(name: string): boolean; order(a: string, b: string): number },
): AsyncGenerator<{ name: string; content: Buffer }> {
  const members = directory(await readDirectory(handle, size)).filter(({ name }) => options.wanted(name))
  let total = 0
  for (const member of members.toSorted((a, b) => options.order(a.name, b.name))) {
    total += member.size
    if (member.size > LARGEST_MEMBER || total > LARGEST_TOTAL) throw new NotZip('it unpacks to more than is taken in')
    yield { name: member.name, content: await unpack(handle, member) }
  }
}

async function read(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, position)
  return buffer.subarray(0, bytesRead)
}

async function readDirectory(handle: FileHandle, size: number): Promise<Buffer> {
  const from = Math.max(0, size - END_BYTES - LOCATOR_BYTES - LONGEST_COMMENT)
  const tail = await read(handle, from, size - from)
  const end = lastIndexOf(tail, END)
  if (end < 0 || end + END_BYTES > tail.length) throw new NotZip('it has no end of a directory')
  let length = tail.readUInt32LE(end + 12)
  let offset = tail.readUInt32LE(end + 16)
  const locator = end - LOCATOR_BYTES
  if (locator >= 0 && tail.readUInt32LE(locator) === LOCATOR_64) {
    const record = await read(handle, Number(tail.readBigUInt64LE(locator + 8)), END_64_BYTES)
    if (record.length < END_64_BYTES || record.readUInt32LE(0) !== END_64)
      throw new NotZip('its directory is not where it should be')
    length = Number(record.readBigUInt64LE(40))
    offset = Number(record.readBigUInt64LE(48))
  }
  if (length > LARGEST_DIRECTORY) throw new NotZip('its directory is larger than is taken in')
  const bytes = await read(handle, offset, length)
  if (bytes.length < length) throw new NotZip('its directory is cut off')
  return bytes
}

function lastIndexOf(bytes: Buffer, signature: number): number {
  const wanted = Buffer.alloc(4)
  wanted.writeUInt32LE(signature)
  return bytes.lastIndexOf(wanted)
}

function directory(bytes: Buffer): Member[] {
  const members: Member[] = []
  let at = 0
  while (at + ENTRY_BYTES <= bytes.length && bytes.readUInt32LE(at) === ENTRY) {
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((place) => bytes.readUInt16LE(at + place))
    const extraAt = at + ENTRY_BYTES + (nameLength ?? 0)
    const plain = {
      name: bytes.toString('utf8', at + ENTRY_BYTES, extraAt),
      method: bytes.readUInt16LE(at + 10),
      packedSize: bytes.readUInt32LE(at + 20),
      size: bytes.readUInt32LE(at + 24),
      offset: bytes.readUInt32LE(at + 42),
    }
    members.push(widened(plain, bytes.subarray(extraAt, extraAt + (extraLength ?? 0))))
    at = extraAt + (extraLength ?? 0) + (commentLength ?? 0)
  }
  return members
}

/** What does not fit in 32 bits stands in the extra field with the id 1, in this order. */
function widened(member: Member, extra: Buffer): Member {
  if (![member.size, member.packedSize, member.offset].includes(IN_64)) return member
  for (let at = 0; at + 4 <= extra.length; at += 4 + extra.readUInt16LE(at + 2)) {
    if (extra.readUInt16LE(at) !== 1) continue
    let next = at + 4
    const wide = (value: number): number => {
      if (value !== IN_64) return value
      if (next + 8 > extra.length) throw new NotZip('an entry of its directory is cut off')
      next += 8
      return Number(extra.readBigUInt64LE(next - 8))
    }
    return { ...member, size: wide(member.size), packedSize: wide(member.packedSize), offset: wide(member.offset) }
  }
  return member
}

async function unpack(handle: FileHandle, { name, method, packedSize, size, offset }: Member): Promise<Buffer> {
  if (packedSize > LARGEST_MEMBER) throw new NotZip('it unpacks to more than is taken in')
  const length = LOCAL_BYTES + Buffer.byteLength(name) + EXTRA_ROOM + packedSize
  const block = await read(handle, offset, length)
  if (block.length < LOCAL_BYTES || block.readUInt32LE(0) !== LOCAL)
    throw new NotZip(`${name} is not where it should be`)
  const start = LOCAL_BYTES + block.readUInt16LE(26) + block.readUInt16LE(28)
  const packed =
    start + packedSize <= block.length
      ? block.subarray(start, start + packedSize)
      : await read(handle, offset + start, packedSize)
  if (packed.length < packedSize) throw new NotZip(`${name} is cut off`)
  if (method === 0) return packed
  if (method !== 8) throw new NotZip(`${name} is packed in a way that is not known here`)
  try {
    return await inflate(packed, { maxOutputLength: Math.max(size, 1) })
  } catch (error) {
    throw new NotZip(`${name} can't be unpacked`, { cause: error })
  }
}
