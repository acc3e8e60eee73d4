# Restarts the print spooler; with clear_queue true it first removes all print jobs, which can not be brought back.
$ErrorActionPreference = 'Stop'
Stop-Service -Name Spooler -Force
if ($env:PARAM_CLEAR_QUEUE -eq 'true') {
  $jobs = Get-ChildItem -LiteralPath "$env:windir\System32\spool\PRINTERS" -File
  $jobs | Remove-Item -Force
  Write-Output "$($jobs.Count) files of print jobs removed."
}
Start-Service -Name Spooler
Write-Output "The print spooler is $((Get-Service -Name Spooler).Status)."
exit 0
