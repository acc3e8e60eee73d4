import type { LogEntry } from '@breeze/contract/agent-commands'
import * as z from 'zod'
import { entry, type LogLevel, type LogQuery, type OpenLog } from '../log-query.ts'
import { asArray, runPowershell } from './powershell.ts'

/** With a text to look for, so many of the newest events are searched. */
const SEARCHED = 5000

/**
 * Everything asked for comes in the environment and is used as a value only. A channel's name may have a slash
 * (`Microsoft-Windows-TaskScheduler/Operational`): to Get-WinEvent it is a name, never a file.
 */
const SCRIPT = `
$filter=@{LogName=$env:BREEZE_LOGS -split ';'}
if($env:BREEZE_PROVIDERS){$filter.ProviderName=$env:BREEZE_PROVIDERS -split ';'}
if($env:BREEZE_LEVELS){$filter.Level=@($env:BREEZE_LEVELS -split ','|ForEach-Object{[int]$_})}
if($env:BREEZE_SINCE){$filter.StartTime=[DateTime]::Parse($env:BREEZE_SINCE,[Globalization.CultureInfo]::InvariantCulture,'RoundtripKind')}
try{$events=@(Get-WinEvent -FilterHashtable $filter -MaxEvents ([int]$env:BREEZE_MOST))}
catch{if($_.FullyQualifiedErrorId -like 'NoMatchingEventsFound*'){$events=@()}else{throw}}
if($env:BREEZE_CONTAINS){$events=@($events|Where-Object{([string]$_.Message).IndexOf($env:BREEZE_CONTAINS,[StringComparison]::OrdinalIgnoreCase) -ge 0})}
@($events|Select-Object -First ([int]$env:BREEZE_LIMIT)|ForEach-Object{[pscustomobject]@{
 at=$_.TimeCreated.ToUniversalTime().ToString('o');level=[int]$_.Level;source=$_.ProviderName;id=$_.Id;message=[string]$_.Message
}})|ConvertTo-Json -Compress -Depth 3`

interface Channels {
  logs: string
  providers?: string
}
export const COMMON_CHANNELS: Readonly<Record<string, Channels>> = {
  system: { logs: 'System;Application' },
  security: { logs: 'Security' },
  kernel: { logs: 'System', providers: 'Microsoft-Windows-Kernel-*' },
  packages: { logs: 'System;Application', providers: 'Microsoft-Windows-WindowsUpdateClient;MsiInstaller' },
}
/** Zero is what has no level, such as the records of the Security log: it is information. */
export const WINDOWS_LEVELS: readonly (LogLevel | null)[] = ['info', 'critical', 'error', 'warning', 'info', 'debug']

export async function openWindowsLog(query: LogQuery): Promise<OpenLog> {
  const { logs, providers = '' } = COMMON_CHANNELS[query.log] ?? { logs: query.log }
  const found = await runPowershell(SCRIPT, {
    environment: {
      BREEZE_LOGS: logs,
      BREEZE_PROVIDERS: providers,
      BREEZE_LEVELS: levelNumbers(query.level),
      BREEZE_SINCE: query.since?.toISOString() ?? '',
      BREEZE_CONTAINS: query.contains ?? '',
      BREEZE_MOST: String(query.contains === undefined ? query.limit + 1 : SEARCHED),
      BREEZE_LIMIT: String(query.limit + 1),
    },
  })
  return { source: `event log ${logs.replaceAll(';', ', ')}`, entries: parseWindowsEvents(found) }
}

function levelNumbers(level: LogLevel | undefined): string {
  if (level === undefined) return ''
  const most = WINDOWS_LEVELS.lastIndexOf(level)
  return WINDOWS_LEVELS.map((_, number) => number)
    .filter((number) => number <= most && (number > 0 || most >= 4))
    .join(',')
}

const event = z.object({
  at: z.string(),
  level: z.number().nullish(),
  source: z.string().nullish(),
  id: z.number(),
  message: z.string().nullish(),
})

export function parseWindowsEvents(json: unknown): LogEntry[] {
  return z
    .array(event)
    .parse(asArray(json))
    .map(({ at, level, source, id, message }) => {
      const time = new Date(at)
      // A provider that is not installed any more leaves events without a text.
      const text = message ? message.replaceAll('\r\n', '\n') : `event ${id}`
      return entry(Number.isNaN(time.getTime()) ? null : time, WINDOWS_LEVELS[level ?? 0] ?? null, source ?? '', text)
    })
}
