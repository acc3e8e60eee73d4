/** Which release of which product a device's system is, in endoflife.date's names. */
import type { SectionData } from '@breeze/contract/agent-inventory'
import type { Product } from './shipped.ts'

export type OsFacts = Pick<SectionData<'os'>, 'family' | 'name' | 'version' | 'productType'>
export interface ReleaseName {
  product: Product
  cycle: string
}

/** Null where the system says nothing that names one: a rolling distribution, a product that is not known here. */
export function releaseOf(os: OsFacts): ReleaseName | null {
  if (os.family === 'windows') return isServer(os) ? windowsServer(os) : windows(os)
  if (os.family === 'macos') return named('macos', /^(?:10\.\d+|\d+)/.exec(os.version)?.[0])
  const distribution = DISTRIBUTIONS.find(({ name }) => name.test(os.name))
  return distribution ? named(distribution.product, distribution.cycle.exec(os.version)?.[0]) : null
}

const named = (product: Product, cycle: string | undefined): ReleaseName | null =>
  cycle === undefined ? null : { product, cycle }

const MAJOR = /^\d+/
const DISTRIBUTIONS: readonly { name: RegExp; product: Product; cycle: RegExp }[] = [
  { name: /^Debian\b/, product: 'debian', cycle: MAJOR },
  { name: /^Ubuntu\b/, product: 'ubuntu', cycle: /^\d+\.\d+/ },
  { name: /^Red Hat Enterprise Linux\b/, product: 'rhel', cycle: MAJOR },
  { name: /^AlmaLinux\b/, product: 'almalinux', cycle: MAJOR },
  { name: /^Rocky Linux\b/, product: 'rocky-linux', cycle: MAJOR },
  { name: /^CentOS Linux\b/, product: 'centos', cycle: MAJOR },
  { name: /^Fedora\b/, product: 'fedora', cycle: MAJOR },
]

/** By the build number: the version says 10.0 for Windows 11 as well. */
const WINDOWS_BUILDS: Readonly<Record<string, string>> = {
  26200: '11-25h2',
  26100: '11-24h2',
  22631: '11-23h2',
  22621: '11-22h2',
  22000: '11-21h2',
  19045: '10-22h2',
  19044: '10-21h2',
  19043: '10-21h1',
  19042: '10-20h2',
  19041: '10-2004',
  18363: '10-1909',
  18362: '10-1903',
  17763: '10-1809',
  17134: '10-1803',
  14393: '10-1607',
}
/** One build, and no editions that are supported differently. */
const OLD_WINDOWS: Readonly<Record<string, string>> = { 9600: '8.1', 9200: '8', 7601: '7-sp1' }
const SERVER_BUILDS: Readonly<Record<string, string>> = {
  26100: '2025',
  25398: '23h2-ac',
  20348: '2022',
  19042: '20h2-sac',
  19041: '2004-sac',
  18363: '1909-sac',
  18362: '1903-sac',
  17763: '2019',
  14393: '2016',
  9600: '2012-r2',
  9200: '2012',
  7601: '2008-r2-sp1',
}

const isServer = ({ name, productType }: OsFacts): boolean =>
  productType === undefined ? /\bserver\b/i.test(name) : productType !== 'workstation'
const buildOf = ({ version }: OsFacts): string => version.split('.')[2] ?? ''

const windowsServer = (os: OsFacts): ReleaseName | null => named('windows-server', SERVER_BUILDS[buildOf(os)])

function windows(os: OsFacts): ReleaseName | null {
  const build = buildOf(os)
  const release = WINDOWS_BUILDS[build]
  return release === undefined
    ? named('windows', OLD_WINDOWS[build])
    : named('windows', `${release}-${edition(os.name)}`)
}

function edition(name: string): string {
  if (/\bLTS[BC]\b/i.test(name)) return /\bIoT\b/i.test(name) ? 'iot-lts' : 'e-lts'
  // Pro Education is serviced like Pro.
  return /\b(?:Enterprise|Education)\b/i.test(name) && !/\bPro\b/i.test(name) ? 'e' : 'w'
}
