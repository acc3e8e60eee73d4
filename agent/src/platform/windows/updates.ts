import * as z from 'zod'
import { clip } from '../../collectors/section.ts'
import { MOST_UPDATES, type PendingUpdates, pendingUpdate } from '../updates/manager.ts'
import { asArray, runPowershell } from './powershell.ts'

const TIMEOUT_MS = 240_000

/** Of what the last search of the system itself found: nothing is asked of Microsoft or WSUS. */
const SCRIPT = `
$searcher = (New-Object -ComObject Microsoft.Update.Session).CreateUpdateSearcher()
$searcher.Online = $false
$last = (New-Object -ComObject Microsoft.Update.AutoUpdate).Results.LastSearchSuccessDate
$updates = foreach ($update in $searcher.Search('IsInstalled=0 and IsHidden=0').Updates) {
  [pscustomobject]@{
    Title = "$($update.Title)"; UpdateId = "$($update.Identity.UpdateID)"; Revision = $update.Identity.RevisionNumber
    Articles = @($update.KBArticleIDs | ForEach-Object { "$_" })
    Categories = @($update.Categories | ForEach-Object { "$($_.CategoryID)" }); Severity = "$($update.MsrcSeverity)"
    ReleasedOn = $(if ($update.LastDeploymentChangeTime) { $update.LastDeploymentChangeTime.ToString('yyyy-MM-dd') } else { '' })
  }
}
[pscustomobject]@{
  SearchedAt = $(if ($last) { [DateTime]::SpecifyKind($last, 'Utc').ToString('o') } else { $null })
  Updates = @($updates)
} | ConvertTo-Json -Depth 4 -Compress`

export async function windowsUpdates(): Promise<PendingUpdates> {
  return parseWindowsUpdates(await runPowershell(SCRIPT, { timeoutMs: TIMEOUT_MS }))
}

const answer = z.object({ SearchedAt: z.string().nullable(), Updates: z.unknown() })
const update = z.object({
  Title: z.string(),
  UpdateId: z.string(),
  Revision: z.number(),
  Articles: z.unknown(),
  Categories: z.unknown(),
  Severity: z.string(),
  /** When its publisher last changed its deployment: of what is never revised, its release. */
  ReleasedOn: z.string().optional(),
})

/** The category "Security Updates" by its id, because its name is translated. */
const SECURITY_UPDATES = '0fa1201d-4330-4fa8-8ae9-b877473b6441'

export function parseWindowsUpdates(value: unknown): PendingUpdates {
  const { SearchedAt, Updates } = answer.parse(value)
  return {
    manager: 'windows',
    listsUpdatedAt: SearchedAt === null ? null : new Date(SearchedAt).toISOString(),
    updates: asArray(Updates).slice(0, MOST_UPDATES).map(parseUpdate),
  }
}

function parseUpdate(raw: unknown) {
  const found = update.parse(raw)
  const [article] = asArray(found.Articles)
  const severity = z.enum(['critical', 'important', 'moderate', 'low']).safeParse(found.Severity.toLowerCase()).data
  const released = z.iso.date().safeParse(found.ReleasedOn).data
  return pendingUpdate({
    name: found.Title,
    installed: null,
    // An update has no version: its identity and revision are what tells two of one title apart.
    available: `${found.UpdateId}.${found.Revision}`,
    architecture: null,
    origin: 'Windows Update',
    security: asArray(found.Categories).some((id) => String(id).toLowerCase() === SECURITY_UPDATES),
    ...(typeof article === 'string' && { article: clip(`KB${article.replace(/^KB/i, '')}`, 40) }),
    ...(severity && { severity }),
    ...(released && { releasedOn: released }),
  })
}
