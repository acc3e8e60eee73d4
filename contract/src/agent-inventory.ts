/**
 * What an agent reports of its device, section by section.
 *
 * Every section tells its status, where it was read and when. A value is never a guess: where it can't be read, the status
 * says why and there is no data. Timestamps are ISO 8601 in UTC; sizes and durations carry their unit in the name.
 */
import * as z from 'zod'
import { CAPABILITIES } from './agent-capabilities.ts'

const text = (max: number) => z.string().max(max)
const time = z.iso.datetime()

/** What a collector says of itself. `timeout`: the system did not answer in time. */
export const sectionStatus = z.enum(['ok', 'unsupported', 'no_permission', 'error', 'timeout'])
export type SectionStatus = z.infer<typeof sectionStatus>

const provenance = {
  status: sectionStatus,
  /** Where the value was read: files, programs. */
  source: text(200),
  /** Why the status is not `ok`. */
  detail: text(500).optional(),
}

const section = <T extends z.ZodType>(data: T) =>
  z.object({
    ...provenance,
    collectedAt: time,
    /** Present exactly when the status is `ok`. */
    data: data.optional(),
  })

export const identitySection = section(
  z.object({
    hostname: text(255),
    machineId: text(128),
    vendor: text(200).nullable(),
    model: text(200).nullable(),
    serial: text(200).nullable(),
    virtualization: text(60).nullable(),
  }),
)
export const osSection = section(
  z.object({
    family: z.enum(['linux', 'windows', 'macos']),
    name: text(200),
    version: text(100),
    kernel: text(200),
    /** Windows only: Win32_OperatingSystem.ProductType. */
    productType: z.enum(['workstation', 'domain_controller', 'server']).optional(),
    architecture: text(40),
    bootId: text(80),
    bootedAt: time,
  }),
)
export const cpuSection = section(
  z.object({ model: text(200), sockets: z.number().int(), cores: z.number().int(), threads: z.number().int() }),
)
export const memorySection = section(
  z.object({
    totalBytes: z.number().int(),
    availableBytes: z.number().int(),
    swapTotalBytes: z.number().int(),
    swapFreeBytes: z.number().int(),
  }),
)
/** Percentages as `df` counts them: used / (used + available), rounded up. */
export const disksSection = section(
  z
    .array(
      z.object({
        mount: text(500),
        device: text(500),
        filesystem: text(60),
        totalBytes: z.number().int(),
        usedBytes: z.number().int(),
        availableBytes: z.number().int(),
        usedPercent: z.number().int().min(0).max(100),
      }),
    )
    .max(256),
)
export const networkSection = section(
  z
    .array(
      z.object({
        name: text(60),
        mac: text(40).nullable(),
        up: z.boolean(),
        addresses: z.array(text(80)).max(64),
      }),
    )
    .max(256),
)

/** What a device can carry out, so that a tool can say no before anything is queued. */
export const capabilitiesSection = section(
  z
    .array(z.object({ name: z.enum(CAPABILITIES), supported: z.boolean(), reason: text(300).optional() }))
    .max(CAPABILITIES.length),
)

/** One installed package. `source`, `name` and `architecture` together name it; `source` is the manager it came from. */
export const softwareItem = z.object({
  source: z.enum(['dpkg', 'rpm', 'pacman', 'snap', 'flatpak', 'registry', 'appx', 'applications', 'homebrew']),
  name: text(300),
  version: text(200),
  architecture: text(40),
  /** Of the source that it was built from, which vulnerabilities are published by: each where it differs from the package's. */
  sourcePackage: text(300).optional(),
  sourceVersion: text(200).optional(),
  publisher: text(200).optional(),
  installedAt: time.optional(),
  sizeBytes: z.number().int().min(0).optional(),
})
export type SoftwareItem = z.infer<typeof softwareItem>
export const MOST_SOFTWARE = 20_000
export const softwareSection = section(z.array(softwareItem).max(MOST_SOFTWARE))
/** What names a package within a device. */
export const softwareKey = ({ source, name, architecture }: Pick<SoftwareItem, 'source' | 'name' | 'architecture'>) =>
  `${source}\n${name}\n${architecture}`

export const serviceItem = z.object({
  name: text(256),
  displayName: text(300).nullable(),
  state: z.enum(['running', 'stopped', 'starting', 'stopping', 'failed', 'unknown']),
  /** How it comes up with the system. `static`: another unit starts it. */
  start: z.enum(['automatic', 'manual', 'disabled', 'static', 'unknown']),
  manager: z.enum(['systemd', 'sysv', 'windows', 'launchd']),
  pid: z.number().int().nullable(),
})
export type ServiceItem = z.infer<typeof serviceItem>
export const servicesSection = section(z.array(serviceItem).max(5000))

export const usersSection = section(
  z.object({
    users: z
      .array(
        z.object({
          name: text(128),
          /** Linux and macOS: the numeric user id. Windows: the SID. */
          id: text(128),
          displayName: text(200).nullable(),
          /** Root, or a member of a group that may become root (sudo, wheel, admin, Administrators). */
          administrator: z.boolean(),
          /** Null where the agent may not see it. */
          enabled: z.boolean().nullable(),
          /** A person may sign in with it: it has a login shell. */
          interactive: z.boolean(),
          /** `none`: signs in without one. Null where the agent may not see it. */
          password: z.enum(['set', 'locked', 'none']).nullable(),
          passwordChangedOn: z.iso.date().nullable(),
          lastSignInAt: time.nullable(),
        }),
      )
      .max(2000),
    /** Who is signed in now. */
    sessions: z
      .array(z.object({ user: text(128), terminal: text(60), since: time.nullable(), from: text(100).nullable() }))
      .max(500),
    /** What could not be read or followed, so that the lists above may lack something. */
    incomplete: z.array(text(200)).max(20).optional(),
  }),
)

/** One thing about the device's protection, each with its own provenance. */
const finding = <T extends z.ZodType>(data: T) => z.object({ ...provenance, data: data.optional() })
const dateOnly = z.iso.date()

export const postureData = z.object({
  /** Per volume that `disks` names. */
  diskEncryption: finding(
    z.array(z.object({ mount: text(500), encrypted: z.boolean(), method: text(60).nullable() })).max(256),
  ),
  /** `installed: false` is not "off": there is nothing that could be on. */
  firewall: finding(
    z.object({
      product: text(60).nullable(),
      installed: z.boolean(),
      enabled: z.boolean(),
      defaultDenyInbound: z.boolean().nullable(),
    }),
  ),
  antimalware: finding(
    z
      .array(
        z.object({
          product: text(120),
          running: z.boolean().nullable(),
          realTime: z.boolean().nullable(),
          definitionsUpdatedAt: time.nullable(),
        }),
      )
      .max(16),
  ),
  /**
   * Settings of the SSH server that hold for everybody. `passwordAuthentication` also where PAM asks for the password;
   * Windows has no root, and its `permitRootLogin` is null.
   */
  ssh: finding(
    z.object({
      running: z.boolean().nullable(),
      passwordAuthentication: z.boolean().nullable(),
      permitRootLogin: z.enum(['yes', 'no', 'prohibit-password', 'forced-commands-only']).nullable(),
      port: z.number().int().nullable(),
    }),
  ),
  screenLock: finding(z.object({ enabled: z.boolean(), afterSeconds: z.number().int().nullable() })),
  timeSync: finding(
    z.object({ synchronized: z.boolean().nullable(), service: text(60).nullable(), running: z.boolean() }),
  ),
  rebootPending: finding(z.object({ pending: z.boolean(), reasons: z.array(text(200)).max(50) })),
  /** What the system itself says about the end of its vendor's support. */
  endOfLife: finding(z.object({ supportedUntil: dateOnly.nullable(), product: text(200) })),
})
export const postureSection = section(postureData)
export type Posture = z.infer<typeof postureData>

export const updatesSection = section(
  z.object({
    manager: z.enum(['apt', 'dnf', 'pacman', 'zypper', 'windows', 'softwareupdate']),
    /** When the package lists were last fetched: pending updates are as old as this. */
    listsUpdatedAt: time.nullable(),
    updates: z
      .array(
        z.object({
          name: text(300),
          installed: text(200).nullable(),
          available: text(200),
          architecture: text(40).nullable(),
          origin: text(200).nullable(),
          security: z.boolean().nullable(),
          /** Windows: the KB article. */
          article: text(40).optional(),
          severity: z.enum(['critical', 'important', 'moderate', 'low']).optional(),
          /** By its publisher, where the system tells. */
          releasedOn: dateOnly.optional(),
        }),
      )
      .max(5000),
  }),
)

/** What the system's own record says of updates, the newest first. Newly installed software is none. */
export const updateHistorySection = section(
  z
    .array(
      z.object({
        name: text(300),
        version: text(200).nullable(),
        article: text(40).optional(),
        at: time,
        outcome: z.enum(['installed', 'failed']),
        /** In the words of the package manager. */
        reason: text(500).optional(),
      }),
    )
    .max(200),
)
export type UpdateHistory = NonNullable<z.infer<typeof updateHistorySection>['data']>
/** What a server on this device shows of itself, or keeps in the machine's own store. Authorities to trust are not among them. */
export const certificatesSection = section(
  z
    .array(
      z.object({
        /** The file or the store. */
        source: text(500),
        subject: text(500),
        issuer: text(500),
        notAfter: time,
        /** SHA-256 of the certificate, hexadecimal. */
        fingerprint: text(64),
      }),
    )
    .max(500),
)

export const inventorySections = z.object({
  identity: identitySection,
  os: osSection,
  cpu: cpuSection,
  memory: memorySection,
  disks: disksSection,
  network: networkSection,
  capabilities: capabilitiesSection,
  software: softwareSection,
  services: servicesSection,
  users: usersSection,
  posture: postureSection,
  updates: updatesSection,
  update_history: updateHistorySection,
  certificates: certificatesSection,
})
export type InventorySections = z.infer<typeof inventorySections>
export type SectionName = keyof InventorySections
export type SectionData<N extends SectionName> = NonNullable<InventorySections[N]['data']>
export const SECTION_NAMES = [
  'identity',
  'os',
  'cpu',
  'memory',
  'disks',
  'network',
  'capabilities',
  'software',
  'services',
  'users',
  'posture',
  'updates',
  'update_history',
  'certificates',
] as const satisfies readonly SectionName[]

/**
 * What changed in the software section between two of its hashes. The server applies it only to the content that has
 * `base` as its hash, and asks for the whole section otherwise.
 */
export const softwareDelta = z.object({
  base: text(64),
  hash: text(64),
  source: text(200),
  collectedAt: time,
  /** Added and changed packages. */
  upserts: z.array(softwareItem).max(MOST_SOFTWARE),
  removed: z.array(softwareItem.pick({ source: true, name: true, architecture: true })).max(MOST_SOFTWARE),
})
export type SoftwareDelta = z.infer<typeof softwareDelta>
