/** What a program says of itself, whether it registers (RFC 7591) or publishes a document: read once, here. */
import { z } from 'zod'
import { redirectKind } from './redirects.ts'

export interface ClientDescription {
  name: string
  redirectUris: string[]
}

const LONGEST_NAME = 80
const MOST_REDIRECTS = 20

const described = z.object({
  client_name: z.string().max(1000).optional(),
  redirect_uris: z.array(z.string().max(4000)).min(1).max(MOST_REDIRECTS),
})

export type Reading =
  | { ok: true; client: ClientDescription }
  | { ok: false; error: 'invalid_client_metadata' | 'invalid_redirect_uri'; reason: string }

/**
 * Anything else it says is not kept: every program is a public client that uses codes with PKCE. Addresses that may not be
 * used are left out (some programs list one of each kind); if none remains, the program is refused.
 */
export function readDescription(value: unknown): Reading {
  const parsed = described.safeParse(value)
  if (!parsed.success) {
    return {
      ok: false,
      error: 'invalid_client_metadata',
      reason: `redirect_uris must be a list of 1 to ${MOST_REDIRECTS} addresses, and client_name a text.`,
    }
  }
  const redirectUris = [...new Set(parsed.data.redirect_uris)].filter((uri) => redirectKind(uri) !== null)
  if (redirectUris.length === 0) {
    return {
      ok: false,
      error: 'invalid_redirect_uri',
      reason:
        'Use an https address, http on localhost, 127.0.0.1 or [::1], or an app scheme such as com.example.app:/callback.',
    }
  }
  return { ok: true, client: { name: displayName(parsed.data.client_name), redirectUris } }
}

/** Without what nobody sees or what turns the reading direction. Markup stays text: pages never read it as markup. */
function displayName(name: string | undefined): string {
  const clean = (name ?? '')
    .normalize('NFC')
    .replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/gu, '')
    .replaceAll(/\s+/g, ' ')
    .trim()
  return clean === '' ? 'Unnamed program' : [...clean].slice(0, LONGEST_NAME).join('')
}
