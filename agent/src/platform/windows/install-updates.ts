import * as z from 'zod'
import type { UpdateInstaller, UpdateResult, WantedUpdate, Work } from '../updates/installer.ts'
import { asArray, runPowershell } from './powershell.ts'

/** Asks Windows Update, or the WSUS that the device's policy names. */
const SEARCH = `
$searcher = (New-Object -ComObject Microsoft.Update.Session).CreateUpdateSearcher()
$searcher.Online = $true
[pscustomobject]@{ Found = $searcher.Search('IsInstalled=0 and IsHidden=0').Updates.Count } | ConvertTo-Json -Compress`

/** One by one, so that each has a result of its own. What the user would be asked is not installed. */
const INSTALL = `
$wanted = @($env:BREEZE_WANTED | ConvertFrom-Json)
$session = New-Object -ComObject Microsoft.Update.Session
$searcher = $session.CreateUpdateSearcher()
$searcher.Online = $false
$pending = @($searcher.Search('IsInstalled=0 and IsHidden=0').Updates)
$until = (Get-Date).AddSeconds([int]$env:BREEZE_SECONDS)
$results = foreach ($one in $wanted) {
  $update = $pending | Where-Object { "$($_.Title)" -eq $one.name -or
    ($one.article -and (@($_.KBArticleIDs) -contains ($one.article -replace '^KB', ''))) } | Select-Object -First 1
  if (-not $update) { [pscustomobject]@{ Name = $one.name; Step = 'absent' }; continue }
  $id = "$($update.Identity.UpdateID).$($update.Identity.RevisionNumber)"
  if ($one.version -and $one.version -ne $id) { [pscustomobject]@{ Name = $one.name; Step = 'other'; Id = $id }; continue }
  if ((Get-Date) -gt $until) { [pscustomobject]@{ Name = $one.name; Step = 'late' }; continue }
  if ($update.InstallationBehavior.CanRequestUserInput) { [pscustomobject]@{ Name = $one.name; Step = 'input' }; continue }
  if (-not $update.EulaAccepted) { $update.AcceptEula() }
  $only = New-Object -ComObject Microsoft.Update.UpdateColl
  [void]$only.Add($update)
  try {
    if (-not $update.IsDownloaded) {
      $downloader = $session.CreateUpdateDownloader(); $downloader.Updates = $only
      $fetched = $downloader.Download()
      if ($fetched.ResultCode -ne 2) {
        [pscustomobject]@{ Name = $one.name; Step = 'download'; Code = ('0x{0:x8}' -f $fetched.HResult) }; continue
      }
    }
    $installer = $session.CreateUpdateInstaller(); $installer.Updates = $only
    $done = $installer.Install().GetUpdateResult(0)
    [pscustomobject]@{ Name = $one.name; Step = 'install'; Id = $id; Result = $done.ResultCode; Reboot = [bool]$done.RebootRequired; Code = ('0x{0:x8}' -f $done.HResult) }
  } catch { [pscustomobject]@{ Name = $one.name; Step = 'error'; Text = "$($_.Exception.Message)" } }
}
$left = @($searcher.Search('IsInstalled=0 and IsHidden=0').Updates | ForEach-Object { "$($_.Identity.UpdateID).$($_.Identity.RevisionNumber)" })
$after = @($searcher.Search('IsInstalled=1').Updates | ForEach-Object { "$($_.Identity.UpdateID).$($_.Identity.RevisionNumber)" })
$titles = @($searcher.Search('IsInstalled=1').Updates | ForEach-Object { "$($_.Title)" })
[pscustomobject]@{ Results = @($results); Left = $left; Installed = $after; InstalledTitles = $titles } | ConvertTo-Json -Depth 4 -Compress`

/** Never run on Windows. An update of it has no version: `before` is null, and `after` its identity once it is there. */
export const windowsInstaller: UpdateInstaller = {
  manager: 'windows',
  present: async () => process.platform === 'win32',
  async refresh({ deadline }) {
    try {
      await runPowershell(SEARCH, { timeoutMs: Math.max(1, deadline - performance.now()) })
      return undefined
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    }
  },
  install: async (wanted, work) => parseInstallation(wanted, await run(wanted, work)),
}

async function run(wanted: readonly WantedUpdate[], { deadline }: Work): Promise<unknown> {
  const milliseconds = Math.max(1, deadline - performance.now())
  const environment = {
    BREEZE_WANTED: JSON.stringify(wanted),
    BREEZE_SECONDS: String(Math.floor(milliseconds / 1000)),
  }
  return await runPowershell(INSTALL, { timeoutMs: milliseconds + 60_000, environment })
}

const step = z.object({
  Name: z.string(),
  Step: z.enum(['absent', 'other', 'late', 'input', 'download', 'install', 'error']),
  Id: z.string().optional(),
  Result: z.number().optional(),
  Reboot: z.boolean().optional(),
  Code: z.string().optional(),
  Text: z.string().optional(),
})
const answer = z.object({
  Results: z.unknown(),
  Left: z.unknown(),
  Installed: z.unknown(),
  InstalledTitles: z.unknown(),
})

/** OperationResultCode of the Windows Update Agent: 2 succeeded, 3 with errors, 4 failed, 5 aborted. */
const SUCCEEDED = 2

export function parseInstallation(wanted: readonly WantedUpdate[], value: unknown): UpdateResult[] {
  const { Results, Left, Installed, InstalledTitles } = answer.parse(value)
  const steps = asArray(Results).map((one) => step.parse(one))
  const left = new Set(asArray(Left).map(String))
  const installed = new Set(asArray(Installed).map(String))
  const titles = new Set(asArray(InstalledTitles).map(String))
  return wanted.map((update, index) => {
    const of = (state: UpdateResult['state'], reason?: string, after: string | null = null): UpdateResult => ({
      name: update.name,
      state,
      before: null,
      after,
      ...(reason !== undefined && { reason: reason.slice(0, 500) }),
    })
    const found = steps[index]
    if (!found || found.Name !== update.name) return of('failed', 'Windows Update told nothing of it')
    const isThere = titles.has(update.name) || (update.version !== null && installed.has(update.version))
    switch (found.Step) {
      case 'absent':
        return isThere
          ? of('already_installed', undefined, update.version)
          : of('not_available', 'no such update is offered')
      case 'other':
        return of('not_available', `another revision is offered: ${found.Id ?? ''}`)
      case 'late':
        return of('not_attempted', 'the time was over')
      case 'input':
        return of('failed', 'it wants to ask somebody at the device')
      case 'download':
        return of('failed', `${found.Code ?? ''}: it could not be downloaded`)
      case 'error':
        return of('failed', found.Text ?? 'Windows Update failed without a word')
      case 'install':
        if (found.Result !== SUCCEEDED) return of('failed', `${found.Code ?? ''}: it could not be installed`)
        // One that needs a restart may count as pending until then.
        if (found.Id !== undefined && left.has(found.Id) && found.Reboot !== true)
          return of('failed', 'Windows reported success, and it is still pending')
        return of('installed', undefined, found.Id ?? null)
    }
  })
}
