import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { Command } from 'cmdk'
import { Building2, LogOut, Moon, Search, Sun, type LucideIcon } from 'lucide-react'
import { type ReactNode, useDeferredValue, useEffect, useRef, useState } from 'react'
import { deviceSearch, roleIcon } from '../../features/devices/devices.ts'
import { Kbd } from '../../ui/kbd.tsx'
import { Modal } from '../../ui/modal.tsx'
import { Status } from '../../ui/status.tsx'
import { DESTINATIONS, reachable, SETTINGS } from '../destinations.ts'
import { chooseOrganization, useChosenOrganization } from '../organization.ts'
import { useSession } from '../session.ts'
import { signOut } from '../sign-out.ts'
import { setTheme } from '../theme.ts'

/** Many organizations are found by typing, not by reading. */
const SHOWN = 6

export function Palette({ onClose }: { onClose: () => void }) {
  const [text, setText] = useState('')
  const [selected, setSelected] = useState('')
  // Until the person moves the selection, it is the first thing found: devices, which come a moment later, are above all else.
  const moved = useRef(false)
  const session = useSession()
  const chosen = useChosenOrganization(session)
  return (
    <Modal
      open
      onClose={onClose}
      label="Search or run"
      className="modal-box mt-30! w-160 max-w-[calc(100vw-2rem)] rounded-4 max-sm:mt-4!"
    >
      <Command
        label="Search or run"
        loop
        value={selected}
        onValueChange={setSelected}
        onKeyDown={({ key }) => {
          if (key.startsWith('Arrow')) moved.current = true
        }}
      >
        <div className="flex h-13 items-center gap-3 border-b border-line px-4">
          <Search className="size-4 shrink-0 text-text-3" strokeWidth={1.6} aria-hidden="true" />
          <Command.Input
            autoFocus
            value={text}
            onValueChange={(typed) => {
              moved.current = false
              setText(typed)
            }}
            placeholder="Search or run"
            className="min-w-0 grow bg-transparent text-16 outline-none placeholder:text-text-3 focus-visible:shadow-none!"
          />
          <span className="shrink-0 rounded-1 border border-line-strong px-1.5 py-0.5 text-12 font-medium text-text-2">
            {chosen?.name ?? 'All organizations'}
          </span>
        </div>
        <Command.List className="max-h-[min(440px,60dvh)] overflow-auto pb-2">
          <Command.Empty className="px-4 py-6 text-center text-text-2">Nothing is called that.</Command.Empty>
          <Devices
            text={text}
            organization={chosen?.id}
            onClose={onClose}
            onFound={(first) => {
              if (!moved.current) setSelected(first)
            }}
          />
          <Pages onClose={onClose} />
          <Organizations text={text} onClose={onClose} />
          <Actions onClose={onClose} />
        </Command.List>
      </Command>
      <footer className="flex h-9 items-center gap-4 border-t border-line bg-sunken px-4 text-12 text-text-3 max-sm:hidden">
        <span className="flex items-center gap-1.5">
          <Kbd>↑</Kbd>
          <Kbd>↓</Kbd> move
        </span>
        <span className="flex items-center gap-1.5">
          <Kbd>↵</Kbd> open
        </span>
        <span className="flex items-center gap-1.5">
          <Kbd>Esc</Kbd> close
        </span>
      </footer>
    </Modal>
  )
}

interface PartProps {
  onClose: () => void
}

interface DevicesProps extends PartProps {
  text: string
  organization: string | undefined
  onFound: (first: string) => void
}

function Devices({ text, organization, onClose, onFound }: DevicesProps) {
  const wanted = useDeferredValue(text.trim())
  const navigate = useNavigate()
  const found = useQuery({ ...deviceSearch(wanted, organization), enabled: wanted.length > 0 })
  const devices = wanted.length > 0 ? (found.data?.devices ?? []) : []
  const first = devices[0]?.id
  useEffect(() => {
    if (first !== undefined) onFound(`device ${first}`)
    // What was found decides, not who is told of it.
  }, [first, wanted])
  if (devices.length === 0) return null
  return (
    <Group heading="Devices">
      {devices.map((device) => (
        <Item
          key={device.id}
          value={`device ${device.id}`}
          keywords={[wanted, text, device.name]}
          icon={roleIcon(device.role)}
          aside={<Status status={device.status} />}
          onSelect={() => {
            onClose()
            void navigate({ to: '/devices/$deviceId', params: { deviceId: device.id } })
          }}
        >
          <span className="font-medium">{device.name}</span>{' '}
          <span className="text-12 text-text-3">
            {device.organization.name} · {device.site.name}
          </span>
        </Item>
      ))}
    </Group>
  )
}

function Pages({ onClose }: PartProps) {
  const session = useSession()
  const navigate = useNavigate()
  const groups = [{ label: '', pages: DESTINATIONS }, ...SETTINGS]
  return (
    <Group heading="Pages">
      {groups.flatMap(({ label, pages }) =>
        reachable(pages, session).map((page) => (
          <Item
            key={page.path}
            value={`page ${page.path}`}
            keywords={[page.label, label, page.keywords ?? '', 'go to']}
            {...(page.icon && { icon: page.icon })}
            aside={label}
            onSelect={() => {
              onClose()
              void navigate({ to: page.path })
            }}
          >
            {page.label}
          </Item>
        )),
      )}
    </Group>
  )
}

function Organizations({ text, onClose }: PartProps & { text: string }) {
  const { organizations } = useSession()
  const wanted = text.trim().toLowerCase()
  const matching = organizations.filter(({ name }) => name.toLowerCase().includes(wanted)).slice(0, SHOWN)
  if (organizations.length < 2) return null
  const choose = (id: string | null) => {
    chooseOrganization(id)
    onClose()
  }
  return (
    <Group heading="Show only">
      {matching.map(({ id, name }) => (
        <Item key={id} value={`organization ${id}`} keywords={[name]} icon={Building2} onSelect={() => choose(id)}>
          {name}
        </Item>
      ))}
      <Item value="organization all" keywords={['All organizations']} icon={Building2} onSelect={() => choose(null)}>
        All organizations
      </Item>
    </Group>
  )
}

function Actions({ onClose }: PartProps) {
  const queries = useQueryClient()
  const theme = (name: 'light' | 'dark') => {
    setTheme(name)
    onClose()
  }
  return (
    <Group heading="Actions">
      <Item value="theme dark" keywords={['Dark theme']} icon={Moon} onSelect={() => theme('dark')}>
        Dark theme
      </Item>
      <Item value="theme light" keywords={['Light theme']} icon={Sun} onSelect={() => theme('light')}>
        Light theme
      </Item>
      <Item value="sign out" keywords={['log out']} icon={LogOut} onSelect={() => void signOut(queries)}>
        Sign out
      </Item>
    </Group>
  )
}

const Group = ({ heading, children }: { heading: string; children: ReactNode }) => (
  <Command.Group
    heading={heading}
    className="[&_[cmdk-group-heading]]:px-4 [&_[cmdk-group-heading]]:pt-3 [&_[cmdk-group-heading]]:pb-1 [&_[cmdk-group-heading]]:text-11 [&_[cmdk-group-heading]]:font-medium [&_[cmdk-group-heading]]:text-text-3"
  >
    {children}
  </Command.Group>
)

interface ItemProps {
  value: string
  keywords: string[]
  icon?: LucideIcon
  aside?: ReactNode
  onSelect: () => void
  children: ReactNode
}

function Item({ value, keywords, icon: Icon, aside, onSelect, children }: ItemProps) {
  return (
    <Command.Item
      value={value}
      keywords={keywords}
      onSelect={onSelect}
      className="mx-2 flex h-9 cursor-pointer items-center gap-3 rounded-2 px-2 data-[selected=true]:bg-active max-sm:h-11"
    >
      {Icon && <Icon className="size-4 shrink-0 text-text-3" strokeWidth={1.6} aria-hidden="true" />}
      <span className="min-w-0 grow truncate">{children}</span>
      <span className="text-12 text-text-3">{aside}</span>
    </Command.Item>
  )
}
