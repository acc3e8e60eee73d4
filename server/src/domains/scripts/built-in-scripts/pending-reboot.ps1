# Whether this system waits for a restart, and why. Ends with 0 either way; with 3 where fail_when_pending is true and it does.
$reasons = @()
if (Test-Path 'HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing\RebootPending') { $reasons += 'component servicing asks for it' }
if (Test-Path 'HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update\RebootRequired') { $reasons += 'Windows Update asks for it' }
$session = Get-ItemProperty 'HKLM:\SYSTEM\CurrentControlSet\Control\Session Manager' -ErrorAction SilentlyContinue
if ($session.PendingFileRenameOperations) { $reasons += 'files are to be replaced when it starts' }
$active = (Get-ItemProperty 'HKLM:\SYSTEM\CurrentControlSet\Control\ComputerName\ActiveComputerName' -ErrorAction SilentlyContinue).ComputerName
$next = (Get-ItemProperty 'HKLM:\SYSTEM\CurrentControlSet\Control\ComputerName\ComputerName' -ErrorAction SilentlyContinue).ComputerName
if ($active -ne $next) { $reasons += "its name becomes $next" }

$up = (Get-Date) - (Get-CimInstance Win32_OperatingSystem).LastBootUpTime
Write-Output "Up for $($up.Days) days and $($up.Hours) hours."
if ($reasons.Count -eq 0) { Write-Output 'No restart is pending.'; exit 0 }
Write-Output 'A restart is pending:'
$reasons | ForEach-Object { Write-Output "- $_" }
if ($env:PARAM_FAIL_WHEN_PENDING -eq 'true') { exit 3 }
exit 0
