import type { SectionData } from '@breeze/contract/agent-inventory'
import * as z from 'zod'
import { runPowershell } from '../platform/windows/powershell.ts'
import { printableLine } from '../printable.ts'

type Users = SectionData<'users'>
const MAX_USERS = 2000
const MAX_SESSIONS = 500

/**
 * Get-LocalGroupMember fails as a whole when one member's domain can't be asked; ADSI then still gives the SIDs. Who has
 * a desktop is told by the owners of their shells: sessions of services and of the window manager have none.
 */
const SCRIPT = `
function Utc($time){if($time){$time.ToUniversalTime().ToString('o')}else{$null}}
$admins=@();$unclear=@()
try{$admins=@(Get-LocalGroupMember -SID S-1-5-32-544|ForEach-Object{[pscustomobject]@{sid=[string]$_.SID;name=$_.Name;kind=[string]$_.ObjectClass}})}
catch{try{$group=[ADSI]('WinNT://./'+(Get-LocalGroup -SID S-1-5-32-544).Name+',group')
 $admins=@($group.psbase.Invoke('Members')|ForEach-Object{$member=[ADSI]$_
  [pscustomobject]@{sid=(New-Object Security.Principal.SecurityIdentifier($member.objectSid.Value,0)).Value;name=[string]$member.Name;kind=[string]$member.SchemaClassName}})}
 catch{$unclear+='the members of the administrators: '+$_.Exception.Message}}
$sessions=@()
try{$sessions=@(Get-Process explorer -IncludeUserName -ErrorAction SilentlyContinue|ForEach-Object{[pscustomobject]@{user=$_.UserName;session=[int]$_.SessionId;since=(Utc $_.StartTime)}})}
catch{$unclear+='who is signed in: '+$_.Exception.Message}
[pscustomobject]@{
 users=@(Get-LocalUser|ForEach-Object{[pscustomobject]@{name=$_.Name;sid=[string]$_.SID;fullName=$_.FullName;enabled=[bool]$_.Enabled
  passwordSet=(Utc $_.PasswordLastSet);lastLogon=(Utc $_.LastLogon)}})
 admins=$admins;sessions=$sessions;unclear=$unclear
}|ConvertTo-Json -Compress -Depth 4`

export async function windowsUsers(): Promise<Users> {
  return parseWindowsUsers(await runPowershell(SCRIPT))
}

const list = <T extends z.ZodType>(item: T) =>
  z.preprocess(
    (found) => (found === null || found === undefined ? [] : Array.isArray(found) ? found : [found]),
    z.array(item),
  )
const answer = z.object({
  users: list(
    z.object({
      name: z.string(),
      sid: z.string(),
      fullName: z.string().nullish(),
      enabled: z.boolean(),
      passwordSet: z.string().nullish(),
      lastLogon: z.string().nullish(),
    }),
  ),
  admins: list(z.object({ sid: z.string(), name: z.string(), kind: z.string() })),
  sessions: list(z.object({ user: z.string().nullish(), session: z.number(), since: z.string().nullish() })),
  unclear: list(z.string()),
})

export function parseWindowsUsers(json: unknown): Users {
  const { users, admins, sessions, unclear } = answer.parse(json)
  const administrators = new Set(admins.map(({ sid }) => sid))
  const groups = admins
    .filter(({ kind }) => /group/i.test(kind))
    .map(({ name }) => `members of ${name} are administrators`)
  const incomplete = [...unclear, ...groups].slice(0, 20).map((text) => printableLine(text, 200))
  return {
    users: users.slice(0, MAX_USERS).map((user) => ({
      name: printableLine(user.name, 128),
      id: printableLine(user.sid, 128),
      displayName: printableLine(user.fullName ?? '', 200) || null,
      administrator: administrators.has(user.sid),
      enabled: user.enabled,
      interactive: true,
      // One that was never set may also be one that must be changed at the next sign-in.
      password: timeOf(user.passwordSet) === null ? null : ('set' as const),
      passwordChangedOn: timeOf(user.passwordSet)?.slice(0, 10) ?? null,
      lastSignInAt: timeOf(user.lastLogon),
    })),
    sessions: sessions
      .filter(({ user }) => Boolean(user))
      .slice(0, MAX_SESSIONS)
      .map(({ user, session, since }) => ({
        user: printableLine(user ?? '', 128),
        terminal: `session ${session}`,
        since: timeOf(since),
        from: null,
      })),
    ...(incomplete.length > 0 && { incomplete }),
  }
}

function timeOf(text: string | null | undefined): string | null {
  const at = new Date(text ?? Number.NaN)
  return Number.isNaN(at.getTime()) ? null : at.toISOString()
}
