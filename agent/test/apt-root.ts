import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AptPlace } from '../src/platform/updates/apt.ts'

export interface DummyPackage {
  name: string
  version: string
  depends?: string
  /** A shell script. */
  postinst?: string
  /** Path → content; each of them is a configuration file. */
  conffiles?: Record<string, string>
}

/** apt and dpkg with a root of their own and a repository of made-up packages: nothing of this machine's is touched. */
export class AptRoot {
  readonly place: AptPlace
  readonly root: string
  readonly #folder: string

  constructor() {
    this.#folder = mkdtempSync(join(tmpdir(), 'breeze-apt-'))
    this.root = join(this.#folder, 'root')
    for (const folder of ['etc/apt/apt.conf.d', 'etc/apt/preferences.d', 'var/lib/apt/lists/partial', 'var/log/apt'])
      mkdirSync(join(this.root, folder), { recursive: true })
    for (const folder of ['var/cache/apt/archives/partial', 'var/lib/dpkg/info', 'var/lib/dpkg/updates', 'tmp'])
      mkdirSync(join(this.root, folder), { recursive: true })
    writeFileSync(join(this.root, 'var/lib/dpkg/status'), '')
    mkdirSync(join(this.#folder, 'repository'))
    writeFileSync(join(this.root, 'etc/apt/sources.list'), `deb [trusted=yes] file:${this.#folder}/repository ./\n`)
    const configuration = join(this.#folder, 'apt.conf')
    writeFileSync(
      configuration,
      `Dir "${this.root}";\nDir::State::status "${this.root}/var/lib/dpkg/status";\nAPT::Sandbox::User "root";\n`,
    )
    const environment = { APT_CONFIG: configuration, DPKG_ROOT: this.root, DPKG_FORCE: 'script-chrootless' }
    this.place = { root: this.root, environment }
  }

  /** As an administrator of that root would. */
  run(program: string, ...args: string[]): string {
    const env = { ...process.env, LC_ALL: 'C', ...this.place.environment }
    return execFileSync(program, args, { env, encoding: 'utf8', stdio: 'pipe' })
  }

  install(packages: readonly DummyPackage[]): void {
    this.run('dpkg', '--install', ...packages.map((one) => this.#build(one).path))
  }

  /** What the repository offers; `missing` are listed and not there. */
  publish(packages: readonly DummyPackage[], missing: readonly string[] = []): void {
    const repository = join(this.#folder, 'repository')
    const stanzas = packages.map((one) => {
      const { path, control } = this.#build(one)
      const file = `${one.name}_${one.version}_all.deb`
      const bytes = readFileSync(path)
      if (!missing.includes(one.name)) cpSync(path, join(repository, file))
      const hash = createHash('sha256').update(bytes).digest('hex')
      return `${control}Filename: ./${file}\nSize: ${bytes.length}\nSHA256: ${hash}\n`
    })
    writeFileSync(join(repository, 'Packages'), stanzas.join('\n'))
  }

  /** Path of the machine → folder of this root, for a process that is to take this system for the machine's own. */
  mounts(): Record<string, string> {
    writeFileSync(join(this.root, 'etc/apt/apt.conf.d/99-test'), 'APT::Sandbox::User "root";\n')
    const paths = ['/etc/apt', '/var/lib/apt', '/var/lib/dpkg', '/var/cache/apt', '/var/log/apt']
    return Object.fromEntries(paths.map((path) => [path, join(this.root, path)]))
  }

  /** From now on `reset` brings the system back to how it is now. */
  keep(): void {
    cpSync(this.root, `${this.root}.kept`, { recursive: true })
  }

  reset(): void {
    rmSync(this.root, { recursive: true })
    cpSync(`${this.root}.kept`, this.root, { recursive: true })
  }

  close(): void {
    rmSync(this.#folder, { recursive: true, force: true })
  }

  #build({ name, version, depends, postinst, conffiles = {} }: DummyPackage): { path: string; control: string } {
    const tree = mkdtempSync(join(this.#folder, 'build-'))
    const control = [
      `Package: ${name}`,
      `Version: ${version}`,
      'Architecture: all',
      'Maintainer: Nobody <nobody@example.com>',
      ...(depends === undefined ? [] : [`Depends: ${depends}`]),
      'Description: made up for a test',
      '',
    ].join('\n')
    mkdirSync(join(tree, 'DEBIAN'))
    writeFileSync(join(tree, 'DEBIAN/control'), control)
    if (postinst !== undefined)
      writeFileSync(join(tree, 'DEBIAN/postinst'), `#!/bin/sh\n${postinst}\n`, { mode: 0o755 })
    for (const [path, content] of Object.entries(conffiles)) {
      mkdirSync(join(tree, path, '..'), { recursive: true })
      writeFileSync(join(tree, path), content)
    }
    const list = Object.keys(conffiles).map((path) => `${path}\n`)
    if (list.length > 0) writeFileSync(join(tree, 'DEBIAN/conffiles'), list.join(''))
    const path = `${tree}.deb`
    execFileSync('dpkg-deb', ['--root-owner-group', '-Znone', '--build', tree, path], { stdio: 'pipe' })
    return { path, control }
  }
}
