import * as z from 'zod'
import { newest, type UpdateRecord } from '../update-history/record.ts'
import { asArray, runPowershell } from './powershell.ts'

const TIMEOUT_MS = 120_000

/** Installations only. Windows has words for the errors of its own system, not for those of its update service. */
const SCRIPT = `
$searcher = (New-Object -ComObject Microsoft.Update.Session).CreateUpdateSearcher()
$count = $searcher.GetTotalHistoryCount()
$entries = if ($count -gt 0) { $searcher.QueryHistory(0, [Math]::Min($count, 600)) } else { @() }
$found = foreach ($entry in $entries) {
  if ($entry.Operation -ne 1 -or -not $entry.Title) { continue }
  $code = '0x{0:X8}' -f $entry.HResult
  [pscustomobject]@{
    Title = "$($entry.Title)"; At = [DateTime]::SpecifyKind($entry.Date, 'Utc').ToString('o'); Result = [int]$entry.ResultCode; Code = $code
    Message = $(if ($entry.ResultCode -ge 4 -and $code -like '0x8007*') { (New-Object ComponentModel.Win32Exception($entry.HResult)).Message } else { '' })
  }
}
ConvertTo-Json @($found) -Compress`

export async function windowsUpdateHistory() {
  return newest(parseWindowsHistory(await runPowershell(SCRIPT, { timeoutMs: TIMEOUT_MS })))
}

const entry = z.object({
  Title: z.string(),
  At: z.string(),
  /** 2 succeeded, 3 succeeded with errors, 4 failed, 5 aborted. */
  Result: z.number(),
  Code: z.string(),
  Message: z.string(),
})

/** What an administrator meets; the rest is told by its code, by which it is searched for. */
const WORDS: Readonly<Record<string, string>> = {
  '0x80240016': 'another installation is in progress',
  '0x80240017': 'the update does not apply to this machine',
  '0x8024001E': 'the update service or the machine was shut down',
  '0x80240022': 'all updates of the operation failed',
  '0x8024002E': 'access to an unmanaged server is not allowed',
  '0x8024200B': 'the installer of the update failed',
  '0x8024402C': 'the name of the update server or its proxy could not be resolved',
  '0x800F081F': 'source files of the update were not found',
  '0x800F0922': 'the installation of the update failed',
  '0x80246007': 'the update was not downloaded',
}

/** Definitions of malware come several times a day: of each, only what happened last. */
const DEFINITIONS = /\bKB(?:2267602|2461484|4052623)\b/

export function parseWindowsHistory(value: unknown): UpdateRecord[] {
  const seen = new Set<string>()
  return asArray(value)
    .map((raw) => entry.parse(raw))
    .toSorted((a, b) => Date.parse(b.At) - Date.parse(a.At))
    .flatMap(({ Title, At, Result, Code, Message }): UpdateRecord[] => {
      const [definitions] = DEFINITIONS.exec(Title) ?? []
      if (Result < 2 || (definitions !== undefined && seen.has(definitions))) return []
      if (definitions !== undefined) seen.add(definitions)
      const [article] = /\bKB\d{4,9}\b/.exec(Title) ?? []
      const update = {
        name: Title,
        version: null,
        ...(article !== undefined && { article }),
        at: new Date(At).toISOString(),
      }
      if (Result <= 3) return [{ ...update, outcome: 'installed' }]
      return [{ ...update, outcome: 'failed', reason: reasonOf(Result, Code, Message) }]
    })
}

function reasonOf(result: number, code: string, message: string): string {
  const words =
    message.trim() || WORDS[code] || (result === 5 ? 'the installation was aborted' : 'the installation failed')
  return `${code}: ${words}`
}
