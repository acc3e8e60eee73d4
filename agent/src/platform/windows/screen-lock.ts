import type { ScreenLock } from '../screen-lock.ts'
import { asArray, runPowershell } from './powershell.ts'

/**
 * A service lives in a session of its own and can't lock another one; a task whose principal is the group of users runs
 * in the sessions of those who are signed in. Never run on a real Windows.
 */
const LOCK = `
$users = @(Get-CimInstance Win32_LogonSession -Filter 'LogonType=2 OR LogonType=10 OR LogonType=11')
if ($users.Count -eq 0) { throw 'Nobody is signed in' }
$name = 'BreezeLock-' + [guid]::NewGuid().ToString('N')
$action = New-ScheduledTaskAction -Execute 'rundll32.exe' -Argument 'user32.dll,LockWorkStation'
$principal = New-ScheduledTaskPrincipal -GroupId 'S-1-5-32-545'
Register-ScheduledTask -TaskName $name -Action $action -Principal $principal | Out-Null
try {
  Start-ScheduledTask -TaskName $name
  $deadline = (Get-Date).AddSeconds(10)
  do { Start-Sleep -Milliseconds 250; $info = Get-ScheduledTaskInfo -TaskName $name }
  while ($info.LastTaskResult -in 267009, 267011 -and (Get-Date) -lt $deadline)
  ConvertTo-Json -Compress @($info.LastTaskResult)
} finally { Unregister-ScheduledTask -TaskName $name -Confirm:$false }`

export const windowsScreenLock: ScreenLock = {
  unsupported: async () => undefined,
  async lock() {
    const [result] = asArray(await runPowershell(LOCK, { timeoutMs: 30_000 }))
    if (result !== 0) throw new Error(`The task that locks the screen ended with ${String(result)}`)
    return 'locked the sessions of those who are signed in'
  },
}
