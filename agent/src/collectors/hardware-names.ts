import { clip } from './section.ts'

/** What manufacturers leave in the fields they did not fill in. */
const PLACEHOLDER =
  /^(|none|n\/a|default string|not (specified|applicable|available)|to be filled by o\.?e\.?m\.?|system (manufacturer|product name|serial number)|0+|unknown)$/i

export function filledIn(text: string | null | undefined): string | null {
  const trimmed = text?.trim() ?? ''
  return PLACEHOLDER.test(trimmed) ? null : clip(trimmed, 200)
}

const VENDORS: readonly (readonly [RegExp, string])[] = [
  [/vmware/i, 'vmware'],
  [/virtualbox|innotek/i, 'virtualbox'],
  [/microsoft corporation virtual machine/i, 'hyper-v'],
  [/xen/i, 'xen'],
  [/amazon ec2/i, 'amazon'],
  [/google/i, 'google'],
  [/qemu|kvm|red hat|openstack|digitalocean|hetzner/i, 'kvm'],
  [/parallels/i, 'parallels'],
]

/** The hypervisor that a virtual machine's vendor and model name. */
export function hypervisorNamed(names: string): string | null {
  return VENDORS.find(([pattern]) => pattern.test(names))?.[1] ?? null
}
