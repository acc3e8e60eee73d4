/** What is found is named by its kind and id: device:0199…, alert:0199…. */
import { notFound } from '../../kernel/errors.ts'

export const KINDS = ['device', 'alert', 'organization', 'site', 'operation'] as const
export type Kind = (typeof KINDS)[number]

export const documentId = (kind: Kind, id: string): string => `${kind}:${id}`

const SHAPE = new RegExp(`^(${KINDS.join('|')}):([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$`, 'i')

/** What is malformed is as absent as what is foreign. */
export function readDocumentId(text: string): { kind: Kind; id: string } {
  const [, kind, id] = SHAPE.exec(text.trim()) ?? []
  const known = KINDS.find((each) => each === kind?.toLowerCase())
  if (known === undefined || id === undefined) throw notFound('document', text)
  return { kind: known, id: id.toLowerCase() }
}

/** Where the console shows it; places and operations have no page of their own there. */
export function pageOf(publicUrl: string, kind: Kind, id: string, name: string): string {
  const base = publicUrl.replace(/\/$/, '')
  if (kind === 'device') return `${base}/devices/${id}`
  if (kind === 'alert') return `${base}/alerts/${id}`
  return kind === 'operation' ? `${base}/devices` : `${base}/devices?text=${encodeURIComponent(name)}`
}
