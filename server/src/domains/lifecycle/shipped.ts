/**
 * Until when releases of operating systems are supported, as their publishers said by the date below (gathered as
 * endoflife.date does). Dates move: an import of newer ones goes before these.
 */
export const SHIPPED_AS_OF = '2026-05-15'

export interface Release {
  /** As endoflife.date names them. */
  product: string
  cycle: string
  label: string
  /** `YYYY-MM-DD`, the last day. Null: its publisher has not said, or has ended it without a date. */
  supportedUntil: string | null
  ended: boolean | null
  /** Of support that is bought or has to be asked for. */
  extendedUntil: string | null
}

type Row = readonly [cycle: string, label: string, supportedUntil: string | null, extendedUntil?: string]

/** `-w`: Home and Pro; `-e`: Enterprise and Education; `-lts`: long-term servicing. */
const WINDOWS: readonly Row[] = [
  ['11-25h2-w', '11 25H2 (Home, Pro)', '2027-10-12'],
  ['11-25h2-e', '11 25H2 (Enterprise, Education)', '2028-10-10'],
  ['11-24h2-w', '11 24H2 (Home, Pro)', '2026-10-13'],
  ['11-24h2-e', '11 24H2 (Enterprise, Education)', '2027-10-12'],
  ['11-24h2-e-lts', '11 Enterprise LTSC 2024', '2029-10-09'],
  ['11-24h2-iot-lts', '11 IoT Enterprise LTSC 2024', '2034-10-10'],
  ['11-23h2-w', '11 23H2 (Home, Pro)', '2025-11-11'],
  ['11-23h2-e', '11 23H2 (Enterprise, Education)', '2026-11-10'],
  ['11-22h2-w', '11 22H2 (Home, Pro)', '2024-10-08'],
  ['11-22h2-e', '11 22H2 (Enterprise, Education)', '2025-10-14'],
  ['11-21h2-w', '11 21H2 (Home, Pro)', '2023-10-10'],
  ['11-21h2-e', '11 21H2 (Enterprise, Education)', '2024-10-08'],
  ['10-22h2-w', '10 22H2 (Home, Pro)', '2025-10-14', '2028-10-10'],
  ['10-22h2-e', '10 22H2 (Enterprise, Education)', '2025-10-14', '2028-10-10'],
  ['10-21h2-w', '10 21H2 (Home, Pro)', '2023-06-13'],
  ['10-21h2-e', '10 21H2 (Enterprise, Education)', '2024-06-11'],
  ['10-21h2-e-lts', '10 Enterprise LTSC 2021', '2027-01-12'],
  ['10-21h2-iot-lts', '10 IoT Enterprise LTSC 2021', '2032-01-13'],
  ['10-21h1-w', '10 21H1', '2022-12-13'],
  ['10-21h1-e', '10 21H1', '2022-12-13'],
  ['10-20h2-w', '10 20H2 (Home, Pro)', '2022-05-10'],
  ['10-20h2-e', '10 20H2 (Enterprise, Education)', '2023-05-09'],
  ['10-2004-w', '10 2004', '2021-12-14'],
  ['10-2004-e', '10 2004', '2021-12-14'],
  ['10-1909-w', '10 1909 (Home, Pro)', '2021-05-11'],
  ['10-1909-e', '10 1909 (Enterprise, Education)', '2022-05-10'],
  ['10-1903-w', '10 1903', '2020-12-08'],
  ['10-1903-e', '10 1903', '2020-12-08'],
  ['10-1809-w', '10 1809 (Home, Pro)', '2020-11-10'],
  ['10-1809-e', '10 1809 (Enterprise, Education)', '2021-05-11'],
  ['10-1809-e-lts', '10 Enterprise LTSC 2019', '2029-01-09'],
  ['10-1809-iot-lts', '10 IoT Enterprise LTSC 2019', '2029-01-09'],
  ['10-1803-w', '10 1803 (Home, Pro)', '2019-11-12'],
  ['10-1803-e', '10 1803 (Enterprise, Education)', '2021-05-11'],
  ['10-1607-e-lts', '10 Enterprise LTSB 2016', '2026-10-13'],
  ['8.1', '8.1', '2023-01-10'],
  ['8', '8', '2016-01-12'],
  ['7-sp1', '7 SP1', '2020-01-14', '2023-01-10'],
]

const WINDOWS_SERVER: readonly Row[] = [
  ['2025', '2025', '2034-10-10'],
  ['23h2-ac', 'version 23H2', '2025-10-24'],
  ['2022', '2022', '2031-10-14'],
  ['20h2-sac', 'version 20H2', '2022-08-09'],
  ['2004-sac', 'version 2004', '2021-12-14'],
  ['1909-sac', 'version 1909', '2021-05-11'],
  ['1903-sac', 'version 1903', '2020-12-08'],
  ['2019', '2019', '2029-01-09'],
  ['2016', '2016', '2027-01-12', '2030-01-12'],
  ['2012-r2', '2012 R2', '2023-10-10', '2026-10-13'],
  ['2012', '2012', '2023-10-10', '2026-10-13'],
  ['2008-r2-sp1', '2008 R2 SP1', '2020-01-14', '2023-01-10'],
]

const DEBIAN: readonly Row[] = [
  ['13', '13 (trixie)', '2028-08-09', '2030-06-30'],
  ['12', '12 (bookworm)', '2026-06-10', '2028-06-30'],
  ['11', '11 (bullseye)', '2024-08-14', '2026-08-31'],
  ['10', '10 (buster)', '2022-09-10', '2024-06-30'],
  ['9', '9 (stretch)', '2020-07-18', '2022-07-01'],
  ['8', '8 (jessie)', '2018-06-17', '2020-06-30'],
]

const UBUNTU: readonly Row[] = [
  ['26.04', '26.04 LTS', '2031-04-30', '2036-04-30'],
  ['25.10', '25.10', '2026-07-01'],
  ['25.04', '25.04', '2026-01-17'],
  ['24.10', '24.10', '2025-07-10'],
  ['24.04', '24.04 LTS', '2029-05-31', '2036-05-31'],
  ['23.10', '23.10', '2024-07-12'],
  ['23.04', '23.04', '2024-01-20'],
  ['22.10', '22.10', '2023-07-20'],
  ['22.04', '22.04 LTS', '2027-04-01', '2032-04-09'],
  ['20.04', '20.04 LTS', '2025-05-31', '2030-04-02'],
  ['18.04', '18.04 LTS', '2023-05-31', '2028-04-01'],
  ['16.04', '16.04 LTS', '2021-04-02', '2026-04-02'],
  ['14.04', '14.04 LTS', '2019-04-02', '2024-04-02'],
]

const RHEL: readonly Row[] = [
  ['10', '10', '2035-05-31', '2038-05-31'],
  ['9', '9', '2032-05-31', '2035-05-31'],
  ['8', '8', '2029-05-31', '2032-05-31'],
  ['7', '7', '2024-06-30', '2028-06-30'],
  ['6', '6', '2020-11-30', '2024-06-30'],
]
const ALMALINUX: readonly Row[] = [
  ['10', '10', '2035-05-31'],
  ['9', '9', '2032-05-31'],
  ['8', '8', '2029-03-01'],
]
const ROCKY_LINUX: readonly Row[] = [
  ['10', '10', '2035-05-31'],
  ['9', '9', '2032-05-31'],
  ['8', '8', '2029-05-31'],
]
const CENTOS: readonly Row[] = [
  ['8', '8', '2021-12-31'],
  ['7', '7', '2024-06-30'],
  ['6', '6', '2020-11-30'],
]
const FEDORA: readonly Row[] = [
  ['43', '43', '2026-12-09'],
  ['42', '42', '2026-05-13'],
  ['41', '41', '2025-12-15'],
  ['40', '40', '2025-05-13'],
  ['39', '39', '2024-11-26'],
  ['38', '38', '2024-05-21'],
  ['37', '37', '2023-12-05'],
]

/** Apple announces no dates: it has repaired the newest three so far. */
const MACOS: readonly Row[] = [
  ['26', '26 (Tahoe)', null],
  ['15', '15 (Sequoia)', null],
  ['14', '14 (Sonoma)', null],
  ['13', '13 (Ventura)', '2025-09-15'],
  ['12', '12 (Monterey)', '2024-09-16'],
  ['11', '11 (Big Sur)', '2023-09-26'],
  ['10.15', '10.15 (Catalina)', '2022-09-12'],
  ['10.14', '10.14 (Mojave)', '2021-10-25'],
  ['10.13', '10.13 (High Sierra)', '2020-12-01'],
]

const PRODUCTS = {
  windows: ['Windows', WINDOWS],
  'windows-server': ['Windows Server', WINDOWS_SERVER],
  debian: ['Debian', DEBIAN],
  ubuntu: ['Ubuntu', UBUNTU],
  rhel: ['Red Hat Enterprise Linux', RHEL],
  almalinux: ['AlmaLinux', ALMALINUX],
  'rocky-linux': ['Rocky Linux', ROCKY_LINUX],
  centos: ['CentOS Linux', CENTOS],
  fedora: ['Fedora Linux', FEDORA],
  macos: ['macOS', MACOS],
} as const satisfies Record<string, readonly [string, readonly Row[]]>
export type Product = keyof typeof PRODUCTS
// Object.keys forgets that these are all the names.
export const PRODUCT_NAMES = Object.keys(PRODUCTS) as Product[]
export const productLabel = (product: Product): string => PRODUCTS[product][0]

export const SHIPPED: readonly Release[] = PRODUCT_NAMES.flatMap((product) => {
  const [name, rows] = PRODUCTS[product]
  return rows.map(([cycle, label, supportedUntil, extendedUntil = null]) => {
    return { product, cycle, label: `${name} ${label}`, supportedUntil, ended: null, extendedUntil }
  })
})
