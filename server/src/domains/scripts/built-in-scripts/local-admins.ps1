# Who is an administrator here: the members of the local administrators' group, whatever it is called in this language.
$ErrorActionPreference = 'Stop'
$group = ([Security.Principal.SecurityIdentifier]'S-1-5-32-544').Translate([Security.Principal.NTAccount]).Value.Split('\')[-1]
Write-Output "== Members of $group"
try {
  Get-LocalGroupMember -SID 'S-1-5-32-544' | ForEach-Object { "$($_.Name)  ($($_.ObjectClass), $($_.PrincipalSource))" }
} catch {
  # Get-LocalGroupMember gives up on members whose account is gone.
  ([ADSI]"WinNT://./$group,group").Invoke('Members') | ForEach-Object { ([ADSI]$_).Path.Replace('WinNT://', '') }
}
Write-Output "`n== The built-in administrator"
Get-CimInstance Win32_UserAccount -Filter "LocalAccount = true" | Where-Object { $_.SID -like '*-500' } | ForEach-Object {
  "$($_.Name): $(if ($_.Disabled) { 'disabled' } else { 'enabled' })"
}
exit 0
