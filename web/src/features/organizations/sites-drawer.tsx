import { MapPin, Plus } from 'lucide-react'
import { ListCount } from '../../app/layout/list-foot.tsx'
import { ToolTable } from '../../app/layout/tool-table.tsx'
import { useToolList } from '../../app/tool-queries.ts'
import { Button } from '../../ui/button.tsx'
import { Drawer } from '../../ui/drawer.tsx'
import { StateView } from '../../ui/state-view.tsx'
import { type Organization, type SitePage, sites } from './organizations.ts'

interface SitesDrawerProps {
  organization: Organization
  off: string | false
  onCreate: () => void
  onClose: () => void
}

/** The sites of one organization, over the table of organizations. */
export function SitesDrawer({ organization, off, onCreate, onClose }: SitesDrawerProps) {
  const list = useToolList(sites(organization.id), (page: SitePage) => page.sites)
  return (
    <Drawer
      label={`Sites of ${organization.name}`}
      title={
        <h2 className="truncate text-14 font-semi">
          {organization.name} <span className="font-regular text-text-3">· sites</span>
        </h2>
      }
      actions={
        <Button size="sm" disabled={off} onClick={onCreate}>
          <Plus className="size-4" strokeWidth={1.6} aria-hidden="true" />
          New site
        </Button>
      }
      onClose={onClose}
    >
      <ToolTable
        caption={`Sites of ${organization.name}`}
        columns={[{ id: 'name', head: 'Name', cell: ({ name }) => <b className="font-medium">{name}</b> }]}
        list={list}
        rowKey={(site) => site.id}
        empty={
          <StateView icon={MapPin} title="No sites yet">
            Devices are enrolled into a site: make one first.
          </StateView>
        }
      />
      <p className="px-6 py-2 text-12 text-text-3">
        <ListCount list={list} one="site" many="sites" />
      </p>
    </Drawer>
  )
}
