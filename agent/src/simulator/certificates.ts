import type { SectionData } from '@breeze/contract/agent-inventory'
import type { Facts } from './facts.ts'
import { seededChance, seededHex } from './seeded.ts'

const DAY_MS = 86_400_000
const SOONEST_DAYS = 75

interface Kind {
  on: RegExp
  source: string
  /** Null: the organization's own. */
  authority: string | null
  lifetimeDays: number
}

const STORE = String.raw`Cert:\LocalMachine\My`
const KINDS: readonly Kind[] = [
  { on: /-DC-/, source: STORE, authority: null, lifetimeDays: 365 },
  { on: /-(?:SQL|TS)-/, source: STORE, authority: null, lifetimeDays: 730 },
  {
    on: /-(?:WEB|NAS)-/,
    source: '/etc/letsencrypt/live',
    authority: "CN=R11, O=Let's Encrypt, C=US",
    lifetimeDays: 90,
  },
]

/** What its servers show. They are renewed in time: one that is about to expire is a scenario's doing. */
export function certificatesOf({ hostname, machineId }: Facts, now: number): SectionData<'certificates'> {
  const kind = KINDS.find(({ on }) => on.test(hostname))
  if (!kind) return []
  const organization = hostname.split('-')[0] ?? hostname
  const name = `${hostname}.${organization}.example`.toLowerCase()
  const lifetimeMs = kind.lifetimeDays * DAY_MS
  const offset = seededChance(`${machineId}\ncertificate`).between(0, kind.lifetimeDays) * DAY_MS
  const soonest = now + SOONEST_DAYS * DAY_MS
  const notAfter = soonest - (soonest % lifetimeMs) + lifetimeMs + (offset % lifetimeMs)
  return [
    {
      source: kind.source === STORE ? STORE : `${kind.source}/${name}/cert.pem`,
      subject: `CN=${name}`,
      issuer: kind.authority ?? `CN=${organization} Issuing CA`,
      notAfter: new Date(notAfter).toISOString(),
      fingerprint: seededHex(`${machineId}\ncertificate\n${notAfter}`, 64),
    },
  ]
}
