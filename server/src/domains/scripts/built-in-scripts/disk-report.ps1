# What takes the space of a disk: volumes, the largest folders and files, what a clean-up could remove. Removes nothing.
$ErrorActionPreference = 'SilentlyContinue'
$path = if ($env:PARAM_PATH) { $env:PARAM_PATH } else { "$env:SystemDrive\" }
$top = if ($env:PARAM_TOP) { [int]$env:PARAM_TOP } else { 15 }
if (-not (Test-Path -LiteralPath $path -PathType Container)) { Write-Output "There is no folder $path."; exit 1 }
function Megabytes($bytes) { '{0,10:N1} MB' -f ($bytes / 1MB) }
function SizeOf($folder) { (Get-ChildItem -LiteralPath $folder -Recurse -Force -File | Measure-Object -Property Length -Sum).Sum }

Write-Output '== Volumes'
Get-CimInstance Win32_LogicalDisk -Filter 'DriveType = 3' | ForEach-Object {
  '{0}  {1:N1} of {2:N1} GB free' -f $_.DeviceID, ($_.FreeSpace / 1GB), ($_.Size / 1GB)
}
Write-Output "`n== Largest folders in $path"
Get-ChildItem -LiteralPath $path -Directory -Force | ForEach-Object { [pscustomobject]@{ Path = $_.FullName; Size = SizeOf $_.FullName } } |
  Sort-Object Size -Descending | Select-Object -First $top | ForEach-Object { "$(Megabytes $_.Size)  $($_.Path)" }
Write-Output "`n== Largest files below $path over 50 MB"
Get-ChildItem -LiteralPath $path -Recurse -Force -File | Where-Object { $_.Length -gt 50MB } |
  Sort-Object Length -Descending | Select-Object -First $top | ForEach-Object { "$(Megabytes $_.Length)  $($_.FullName)" }
Write-Output "`n== What a clean-up could remove"
foreach ($folder in "$env:windir\Temp", "$env:windir\SoftwareDistribution\Download", "$env:ProgramData\Microsoft\Windows\WER", "$env:SystemDrive\Windows.old") {
  if (Test-Path -LiteralPath $folder) { "$(Megabytes (SizeOf $folder))  $folder" }
}
exit 0
