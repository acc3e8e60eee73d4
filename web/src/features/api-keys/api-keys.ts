/** What the pages know of API keys: the shapes of the tools' answers, and the acts. */
import { type ListPage, toolList, useToolAct } from '../../app/tool-queries.ts'

interface Named {
  id: string
  name: string | null
}

export interface ApiKey {
  id: string
  name: string
  /** The first characters of its secret. */
  prefix: string
  user: Named
  /** Null: everything that its user reaches. */
  organizations: Named[] | null
  scopes: string[]
  ip_allow_list: string[] | null
  state: 'active' | 'expired' | 'deleted'
  expires_at: string | null
  /** While a rotation overlaps. */
  former_secret_until?: string
  last_used_at: string | null
  last_used_ip: string | null
  created_at: string
}

export interface MadeKey {
  id: string
  name: string
  key: string
  scopes: string[]
  expires_at: string | null
}

export interface KeyPage extends ListPage {
  api_keys: ApiKey[]
}

export const apiKeys = (filter: { organization?: string } = {}) => toolList<KeyPage>('list_api_keys', filter)

const refresh = ['list_api_keys']

export interface NewKey {
  name: string
  scopes: string[]
  organizations?: string[]
  partner_wide?: boolean
  expires_in?: string
  ip_allow_list?: string[]
}

export const useCreateKey = (onDone: (made: MadeKey) => void) =>
  useToolAct<NewKey, MadeKey>('create_api_key', { refresh, onDone })

export interface KeyChange {
  key: string
  name?: string
  scopes?: string[]
  expires_in?: string
  ip_allow_list?: string[] | null
}

export const useUpdateKey = (onDone: () => void) =>
  useToolAct<KeyChange, { name: string }>('update_api_key', {
    refresh,
    said: ({ name }) => `${name} changed`,
    onDone,
  })

export const useRotateKey = (onDone: (made: MadeKey & { former_secret_until: string | null }) => void) =>
  useToolAct<{ key: string; overlap: string }, MadeKey & { former_secret_until: string | null }>('rotate_api_key', {
    refresh,
    onDone,
  })

export const useDeleteKey = (onDone: () => void) =>
  useToolAct<{ key: string }, { name: string }>('delete_api_key', {
    refresh,
    said: ({ name }) => `${name} deleted`,
    onDone,
  })
