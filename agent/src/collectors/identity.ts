import { readTextIfPresent } from '../platform/linux.ts'
import { hostName, machineId } from '../platform/machine.ts'
import { clip, type Collector, Unsupported } from './section.ts'

const DMI = '/sys/class/dmi/id'
/** What manufacturers leave in the fields they did not fill in. */
const PLACEHOLDER =
  /^(|none|n\/a|default string|not (specified|applicable|available)|to be filled by o\.?e\.?m\.?|system (manufacturer|product name|serial number)|0+|unknown)$/i

export const identity: Collector<'identity'> = {
  name: 'identity',
  source: `/etc/machine-id, ${DMI}`,
  platforms: ['linux'],
  async collect() {
    const id = await machineId()
    if (id === undefined) throw new Unsupported('This system has no machine id')
    const [vendor, model, serial] = await Promise.all([
      readDmi('sys_vendor'),
      readDmi('product_name'),
      readDmi('product_serial'),
    ])
    const virtualization = await detectVirtualization(vendor, model)
    return { hostname: hostName(), machineId: id, vendor, model, serial, virtualization }
  },
  stable: (data) => data,
}

async function readDmi(field: string): Promise<string | null> {
  const text = await readTextIfPresent(`${DMI}/${field}`)
  return text === undefined || PLACEHOLDER.test(text) ? null : clip(text, 200)
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

/** A container before its host's hypervisor; `hypervisor` when the CPU tells there is one and nothing names it. */
async function detectVirtualization(vendor: string | null, model: string | null): Promise<string | null> {
  const container = await readTextIfPresent('/run/systemd/container')
  if (container) return clip(container, 60)
  if ((await readTextIfPresent('/.dockerenv')) !== undefined) return 'docker'
  if ((await readTextIfPresent('/run/.containerenv')) !== undefined) return 'podman'
  const type = await readTextIfPresent('/sys/hypervisor/type')
  if (type) return clip(type, 60)
  const names = `${vendor ?? ''} ${model ?? ''}`
  const known = VENDORS.find(([pattern]) => pattern.test(names))
  if (known) return known[1]
  const cpu = (await readTextIfPresent('/proc/cpuinfo')) ?? ''
  return /^flags\s*:.*\bhypervisor\b/m.test(cpu) ? 'hypervisor' : null
}
