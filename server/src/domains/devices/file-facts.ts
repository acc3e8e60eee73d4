/** What a file command found, in the shape that tools answer with. */
import { MAX_FILE_BYTES } from '@breeze/contract/agent-commands'
import { z } from 'zod'
import { deviceText } from '../../kernel/content/device-text.ts'
import { dataOf } from '../commands/data.ts'
import { fileContent, type FileContent } from '../commands/file-content.ts'

export const fileShape = z.object({
  path: deviceText(4096),
  size_bytes: z.number().optional(),
  content: deviceText(MAX_FILE_BYTES).optional(),
  /** Bytes as they are: masking would break them. */
  base64: z.string().optional(),
  next_offset: z.number().optional(),
  sha256: z.string().nullable().optional(),
  replaced: z.boolean().optional(),
  entries: z
    .array(
      z.object({
        name: deviceText(500),
        kind: z.string(),
        size_bytes: z.number(),
        modified_at: z.string().nullable(),
        mode: z.string(),
        owner: deviceText(128).nullable(),
      }),
    )
    .optional(),
  total: z.number().optional(),
})
export type FileFacts = z.infer<typeof fileShape>

type Found = { type: string; data: unknown }

/** Null where the command found nothing. */
export function fileFacts(found: Found, wanted: FileContent['encoding']): FileFacts | null {
  return folderFacts(found) ?? readFacts(found, wanted) ?? changeFacts(found)
}

function folderFacts(found: Found): FileFacts | null {
  const data = dataOf(found, 'files.list')
  if (!data) return null
  const entries = data.entries.map(({ sizeBytes, modifiedAt, ...entry }) => ({
    ...entry,
    size_bytes: sizeBytes,
    modified_at: modifiedAt,
  }))
  return { path: data.path, entries, total: data.total }
}

function readFacts(found: Found, wanted: FileContent['encoding']): FileFacts | null {
  const data = dataOf(found, 'files.read')
  if (!data) return null
  const { encoding, content, bytes } = fileContent(data, wanted)
  const next = data.offset + bytes
  return {
    path: data.path,
    size_bytes: data.sizeBytes,
    ...(encoding === 'text' ? { content } : { base64: content }),
    ...(next < data.sizeBytes && { next_offset: next }),
    sha256: data.sha256,
  }
}

function changeFacts(found: Found): FileFacts | null {
  const put = dataOf(found, 'files.put')
  if (put) return { path: put.path, size_bytes: put.sizeBytes, sha256: put.sha256, replaced: put.replaced }
  const gone = dataOf(found, 'files.delete')
  return gone && { path: gone.path, size_bytes: gone.sizeBytes }
}
