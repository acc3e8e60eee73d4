import type { SectionData } from '@breeze/contract/agent-inventory'
import { type Change, compared } from './change.ts'

type Interface = SectionData<'network'>[number]

/** Made and taken away by container and virtual machine hosts all day. */
const FLEETING = /^(?:veth|vnet|tap|cali|cilium|lxc|flannel|br-|docker|podman|virbr|cni|lo\d*$)/

/** Addresses by which others reach it; of those of IPv6 the network, because hosts change the rest every day (RFC 8981). */
function lasting(address: string): string[] {
  const text = (address.split('%')[0] ?? '').toLowerCase()
  if (/^(?:127\.|169\.254\.|0\.|fe[89ab][0-9a-f]:|::1$|::$)/.test(text)) return []
  return text.includes(':') ? [`${groups(text).slice(0, 4).join(':')}::/64`] : [text]
}

/** RFC 4291 §2.2: one `::` stands for as many groups of zeros as are missing. */
function groups(text: string): string[] {
  const [left = '', right] = text.split('::')
  const head = left === '' ? [] : left.split(':')
  const tail = right === undefined || right === '' ? [] : right.split(':')
  const zeros = right === undefined ? 0 : Math.max(0, 8 - head.length - tail.length)
  return [...head, ...Array.from({ length: zeros }, () => '0'), ...tail]
}

function addressesOf(interfaces: readonly Interface[]): { interface: string; address: string }[] {
  return interfaces
    .filter(({ name }) => !FLEETING.test(name))
    .flatMap(({ name, addresses }) => {
      return [...new Set(addresses.flatMap(lasting))].map((address) => ({ interface: name, address }))
    })
}

export function networkChanges(before: SectionData<'network'>, after: SectionData<'network'>): Change[] {
  const { added, removed } = compared(
    addressesOf(before),
    addressesOf(after),
    (one) => `${one.interface} ${one.address}`,
  )
  return [
    ...added.map((one): Change => ({
      kind: 'address_added',
      subject: one.interface,
      before: null,
      after: one.address,
    })),
    ...removed.map((one): Change => {
      return { kind: 'address_removed', subject: one.interface, before: one.address, after: null }
    }),
  ]
}
