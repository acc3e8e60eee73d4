import { type ListPage, toolList, useToolAct } from '../../app/tool-queries.ts'

export interface Organization {
  id: string
  name: string
  kind: 'customer' | 'internal'
  sites: number
  assistants_enabled: boolean
  approval_limit: number
  created_at: string
}

export interface OrganizationPage extends ListPage {
  organizations: Organization[]
}

export interface Site {
  id: string
  name: string
  organization: { id: string; name: string }
}

export interface SitePage extends ListPage {
  sites: Site[]
}

export const organizations = (filter: { text?: string }) => toolList<OrganizationPage>('list_organizations', filter)
export const sites = (organization: string) => toolList<SitePage>('list_sites', { organization })

// The session lists the organizations that one can choose.
const refresh = ['list_organizations', 'list_sites', 'session']

export const useCreateOrganization = (onDone: () => void) =>
  useToolAct<{ name: string }, { name: string }>('create_organization', {
    refresh,
    said: ({ name }) => `${name} created`,
    onDone,
  })

export interface OrganizationChange {
  organization: string
  name?: string
  assistants_enabled?: boolean
  approval_limit?: number
}

export const useUpdateOrganization = (onDone: () => void) =>
  useToolAct<OrganizationChange, { name: string }>('update_organization', {
    refresh,
    said: ({ name }) => `${name} changed`,
    onDone,
  })

export const useCreateSite = (onDone: () => void) =>
  useToolAct<{ name: string; organization: string }, { name: string }>('create_site', {
    refresh,
    said: ({ name }) => `${name} created`,
    onDone,
  })
