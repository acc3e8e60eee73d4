# Empties the cache of names that Windows keeps.
$ErrorActionPreference = 'Stop'
$before = @(Get-DnsClientCache -ErrorAction SilentlyContinue).Count
Clear-DnsClientCache
Write-Output "The cache of names was emptied: $before entries before, $(@(Get-DnsClientCache -ErrorAction SilentlyContinue).Count) now."
exit 0
