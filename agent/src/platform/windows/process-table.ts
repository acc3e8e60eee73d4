import * as z from 'zod'
import { type ProcessTable, processRow, roundPercent } from '../process-table.ts'
import { asArray, runPowershell } from './powershell.ts'

/**
 * Processor use is the difference of two looks a second apart. The owner of each process costs a call; Get-Process gives
 * all of them at once, and only to an administrator.
 */
const SCRIPT = `
$first=@{};Get-CimInstance Win32_Process|ForEach-Object{$first[[string]$_.ProcessId+' '+$_.CreationDate]=$_.KernelModeTime+$_.UserModeTime}
$begin=[DateTime]::UtcNow;Start-Sleep -Milliseconds 1000
$all=Get-CimInstance Win32_Process;$span=([DateTime]::UtcNow-$begin).Ticks
$owners=@{};try{Get-Process -IncludeUserName|ForEach-Object{$owners[$_.Id]=$_.UserName}}catch{}
@($all|ForEach-Object{
 $ticks=$first[[string]$_.ProcessId+' '+$_.CreationDate]
 [pscustomobject]@{
  pid=[int64]$_.ProcessId;parent=[int64]$_.ParentProcessId;name=$_.Name;commandLine=$_.CommandLine;user=$owners[[int]$_.ProcessId]
  memory=[int64]$_.WorkingSetSize
  cpu=$(if($null -ne $ticks){($_.KernelModeTime+$_.UserModeTime-$ticks)/$span*100}else{$null})
  started=$(if($_.CreationDate){$_.CreationDate.ToUniversalTime().ToString('o')}else{$null})
 }
})|ConvertTo-Json -Compress -Depth 3`

const row = z.object({
  pid: z.number(),
  parent: z.number(),
  name: z.string().nullish(),
  commandLine: z.string().nullish(),
  user: z.string().nullish(),
  memory: z.number(),
  cpu: z.number().nullish(),
  started: z.string().nullish(),
})

export async function windowsProcesses(): Promise<ProcessTable> {
  return { source: 'Win32_Process, processor use over 1 s', rows: parseWindowsProcesses(await runPowershell(SCRIPT)) }
}

export function parseWindowsProcesses(json: unknown): ProcessTable['rows'] {
  return z
    .array(row)
    .parse(asArray(json))
    .map((found) =>
      processRow({
        pid: found.pid,
        parent: found.parent,
        name: found.name ?? '',
        // Protected processes show theirs to nobody.
        commandLine: found.commandLine ?? '',
        user: found.user ?? null,
        state: 'unknown',
        cpuPercent: found.cpu === null || found.cpu === undefined ? null : roundPercent(Math.max(0, found.cpu)),
        memoryBytes: found.memory,
        startedAt: timeOf(found.started),
      }),
    )
}

function timeOf(text: string | null | undefined): string | null {
  const time = new Date(text ?? Number.NaN)
  return Number.isNaN(time.getTime()) ? null : time.toISOString()
}
