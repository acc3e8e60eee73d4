import { describe, expect, it } from 'vitest'
import { readReleases } from './endoflife.ts'
import { type OsFacts, releaseOf } from './match.ts'
import { SHIPPED } from './shipped.ts'

const windows = (name: string, build: string, productType: OsFacts['productType'] = 'workstation'): OsFacts => ({
  family: 'windows',
  name: `Microsoft Windows ${name}`,
  version: `10.0.${build}`,
  productType,
})
const linux = (name: string, version: string): OsFacts => ({ family: 'linux', name, version })
const named = (os: OsFacts): string | null => {
  const release = releaseOf(os)
  return release && `${release.product} ${release.cycle}`
}

describe('the release of a system', () => {
  it.each([
    [windows('11 Pro', '26100'), 'windows 11-24h2-w'],
    [windows('11 Enterprise', '22631'), 'windows 11-23h2-e'],
    [windows('11 Enterprise LTSC', '26100'), 'windows 11-24h2-e-lts'],
    [windows('11 IoT Enterprise LTSC', '26100'), 'windows 11-24h2-iot-lts'],
    [windows('10 Pro Education', '19045'), 'windows 10-22h2-w'],
    [windows('10 Education', '19045'), 'windows 10-22h2-e'],
    [windows('10 Home', '19045'), 'windows 10-22h2-w'],
    [windows('10 Enterprise 2016 LTSB', '14393'), 'windows 10-1607-e-lts'],
    [windows('Server 2022 Standard', '20348', 'server'), 'windows-server 2022'],
    [windows('Server 2025 Datacenter', '26100', 'domain_controller'), 'windows-server 2025'],
    [{ ...windows('8.1 Pro', '9600'), version: '6.3.9600' }, 'windows 8.1'],
    [{ ...windows('Server 2012 R2 Standard', '9600', 'server'), version: '6.3.9600' }, 'windows-server 2012-r2'],
    [windows('11 Pro Insider', '29999'), null],
    [linux('Debian GNU/Linux', '12.8'), 'debian 12'],
    [linux('Debian GNU/Linux', 'trixie/sid'), null],
    [linux('Ubuntu', '24.04'), 'ubuntu 24.04'],
    [linux('Red Hat Enterprise Linux', '9.4'), 'rhel 9'],
    [linux('Red Hat Enterprise Linux Server', '7.9'), 'rhel 7'],
    [linux('AlmaLinux', '9.4'), 'almalinux 9'],
    [linux('Rocky Linux', '8.10'), 'rocky-linux 8'],
    [linux('CentOS Stream', '9'), null],
    [linux('Fedora Linux', '43'), 'fedora 43'],
    [linux('Arch Linux', 'rolling'), null],
    [{ family: 'macos', name: 'macOS', version: '15.1.1' } as OsFacts, 'macos 15'],
    [{ family: 'macos', name: 'macOS', version: '10.15.7' } as OsFacts, 'macos 10.15'],
  ])('of %j is %s', (os, expected) => expect(named(os)).toBe(expected))

  it('is in what is shipped, for every build that is told apart', () => {
    const shipped = new Set(SHIPPED.map(({ product, cycle }) => `${product} ${cycle}`))
    for (const build of [
      '26200',
      '26100',
      '22631',
      '22621',
      '22000',
      '19045',
      '19044',
      '19043',
      '19042',
      '19041',
      '18363',
      '18362',
      '17763',
      '17134',
    ])
      for (const edition of ['11 Pro', '11 Enterprise']) expect(shipped).toContain(named(windows(edition, build)))
    for (const build of [
      '26100',
      '25398',
      '20348',
      '19042',
      '19041',
      '18363',
      '18362',
      '17763',
      '14393',
      '9600',
      '9200',
      '7601',
    ])
      expect(shipped).toContain(named(windows('Server', build, 'server')))
    expect(shipped.size).toBe(SHIPPED.length)
    for (const { supportedUntil, extendedUntil } of SHIPPED)
      for (const date of [supportedUntil, extendedUntil])
        if (date !== null) expect(new Date(date).toISOString().slice(0, 10)).toBe(date)
  })
})

describe('an answer of endoflife.date', () => {
  const release = {
    name: '14',
    label: "14 'forky'",
    isEol: false,
    eolFrom: '2030-06-10',
    eoesFrom: null,
    releaseDate: '2027-06-10',
  }

  it('of version 1 names its product, or all of them', () => {
    const one = readReleases(
      'x.json',
      JSON.stringify({ schema_version: '1.2.0', result: { name: 'debian', releases: [release] } }),
    )
    expect(one).toEqual({
      products: ['debian'],
      releases: [
        {
          product: 'debian',
          cycle: '14',
          label: "Debian 14 'forky'",
          supportedUntil: '2030-06-10',
          ended: null,
          extendedUntil: null,
        },
      ],
    })
    const products = [
      { name: 'nodejs', releases: [release] },
      { name: 'macos', releases: [{ name: '27', label: '27', isEol: false, eolFrom: null }] },
    ]
    const all = readReleases('full.json', JSON.stringify({ schema_version: '1.2.0', result: products }))
    expect(all.releases).toMatchObject([
      { product: 'macos', cycle: '27', label: 'macOS 27', supportedUntil: null, ended: false },
    ])
  })

  it('of before is one list, whose file names its product', () => {
    const list = [
      { cycle: '12', eol: '2026-06-10', extendedSupport: '2028-06-30', lts: false },
      { cycle: 11, eol: true },
    ]
    expect(readReleases('Debian.json'.toLowerCase(), JSON.stringify(list)).releases).toEqual([
      {
        product: 'debian',
        cycle: '12',
        label: 'Debian 12',
        supportedUntil: '2026-06-10',
        ended: null,
        extendedUntil: '2028-06-30',
      },
      { product: 'debian', cycle: '11', label: 'Debian 11', supportedUntil: null, ended: true, extendedUntil: null },
    ])
  })

  it('of no system that is known here, or of another shape, is refused', () => {
    for (const [file, text] of [
      ['nodejs.json', '[{"cycle":"22","eol":false}]'],
      ['debian.json', '[]'],
      ['debian.json', '{"result": 1}'],
      ['debian.json', 'not JSON'],
      ['debian.json', '[{"cycle":"12","eol":"soon"}]'],
    ] as const)
      expect(() => readReleases(file, text), text).toThrow('invalid_input')
  })
})
