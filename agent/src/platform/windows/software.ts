import type { SoftwareItem } from '@breeze/contract/agent-inventory'
import * as z from 'zod'
import { type PackageManager, softwareItem } from '../packages/manager.ts'
import { asArray, runPowershell } from './powershell.ts'

/** Neither database tells when it changed. */
const READ_EVERY_MS = 3_600_000
const hour = async () => `hour ${Math.floor(Date.now() / READ_EVERY_MS)}`

/** What "Apps and features" shows: of the machine in both its views, and of the users whose profile is loaded. */
const UNINSTALL = `
$keys = @(
  @('x64', 'HKLM:\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Uninstall\\*'),
  @('x86', 'HKLM:\\SOFTWARE\\WOW6432Node\\Microsoft\\Windows\\CurrentVersion\\Uninstall\\*'),
  @('', 'Registry::HKEY_USERS\\S-1-5-21-*\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Uninstall\\*'))
$found = foreach ($key in $keys) {
  foreach ($entry in (Get-ItemProperty $key[1] -ErrorAction SilentlyContinue)) {
    if (-not $entry.DisplayName) { continue }
    [pscustomobject]@{
      View = $key[0]; DisplayName = "$($entry.DisplayName)"; DisplayVersion = "$($entry.DisplayVersion)"
      Publisher = "$($entry.Publisher)"; InstallDate = "$($entry.InstallDate)"; EstimatedSize = "$($entry.EstimatedSize)"
      SystemComponent = "$($entry.SystemComponent)"; ParentKeyName = "$($entry.ParentKeyName)"
      ReleaseType = "$($entry.ReleaseType)"
    }
  }
}
@($found) | ConvertTo-Json -Compress`

const APPX = `@(Get-AppxPackage -AllUsers | Where-Object { -not $_.IsFramework } | ForEach-Object {
  [pscustomobject]@{ Name = "$($_.Name)"; Version = "$($_.Version)"
    Architecture = "$($_.Architecture)"; Publisher = "$($_.Publisher)" }
}) | ConvertTo-Json -Compress`

export const windowsRegistry: PackageManager = {
  source: 'registry',
  fingerprint: hour,
  read: async () => parseUninstall(await runPowershell(UNINSTALL)),
}

export const windowsAppx: PackageManager = {
  source: 'appx',
  fingerprint: hour,
  read: async () => parseAppx(await runPowershell(APPX)),
}

const uninstallEntry = z.object({
  View: z.string(),
  DisplayName: z.string(),
  DisplayVersion: z.string(),
  Publisher: z.string(),
  InstallDate: z.string(),
  EstimatedSize: z.string(),
  SystemComponent: z.string(),
  ParentKeyName: z.string(),
  ReleaseType: z.string(),
})

/** Parts of other products, hidden ones and updates are no programs of their own. */
export function parseUninstall(value: unknown): SoftwareItem[] {
  return asArray(value).flatMap((raw) => {
    const entry = uninstallEntry.parse(raw)
    const isUpdate = /update|hotfix/i.test(entry.ReleaseType)
    if (entry.SystemComponent === '1' || entry.ParentKeyName !== '' || isUpdate) return []
    return softwareItem({
      source: 'registry',
      name: entry.DisplayName.trim(),
      version: entry.DisplayVersion,
      architecture: entry.View,
      publisher: entry.Publisher,
      installedAt: dayOf(entry.InstallDate),
      sizeBytes: entry.EstimatedSize === '' ? undefined : Number(entry.EstimatedSize) * 1024,
    })
  })
}

/** `yyyymmdd`; what an installer wrote in another way is left out. */
function dayOf(text: string): string | undefined {
  const [, year, month, day] = /^(\d{4})(\d\d)(\d\d)$/.exec(text) ?? []
  const time = Date.parse(`${year}-${month}-${day}T00:00:00Z`)
  return Number.isNaN(time) ? undefined : new Date(time).toISOString()
}

const appxEntry = z.object({ Name: z.string(), Version: z.string(), Architecture: z.string(), Publisher: z.string() })

export function parseAppx(value: unknown): SoftwareItem[] {
  return asArray(value).map((raw) => {
    const entry = appxEntry.parse(raw)
    return softwareItem({
      source: 'appx',
      name: entry.Name,
      version: entry.Version,
      architecture: entry.Architecture.toLowerCase(),
      // A certificate's subject: CN=Microsoft Corporation, O=…
      publisher: /^CN="?([^,"]+)/.exec(entry.Publisher)?.[1],
    })
  })
}
