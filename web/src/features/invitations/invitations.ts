import { type ListPage, toolList, useToolAct } from '../../app/tool-queries.ts'
import type { RoleRequest } from '../users/users.ts'

export interface Invitation {
  id: string
  email: string
  name: string | null
  organization: { id: string; name: string | null } | null
  roles: string
  state: 'pending' | 'accepted' | 'expired' | 'revoked'
  created_at: string
  expires_at: string
}

export interface InvitationPage extends ListPage {
  invitations: Invitation[]
}

export const invitations = (filter: { organization?: string }) => toolList<InvitationPage>('list_invitations', filter)

export interface Invited {
  id: string
  email: string
  roles: string
  link: string
  mailed: boolean
  expires_at: string
}

export const useInvite = (onDone: (made: Invited) => void) =>
  useToolAct<RoleRequest & { email: string; name?: string }, Invited>('invite_user', {
    refresh: ['list_invitations'],
    onDone,
  })

export const useRevokeInvitation = (onDone: () => void) =>
  useToolAct<{ invitation: string }, { email: string }>('revoke_invitation', {
    refresh: ['list_invitations'],
    said: ({ email }) => `The invitation of ${email} is revoked`,
    onDone,
  })
