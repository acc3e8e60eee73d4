import { readTextIfPresent } from '../platform/linux.ts'
import { hostName, machineId } from '../platform/machine.ts'
import { filledIn, hypervisorNamed } from './hardware-names.ts'
import { clip, type Collector, Unsupported } from './section.ts'

const DMI = '/sys/class/dmi/id'
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
  return filledIn(await readTextIfPresent(`${DMI}/${field}`))
}

/** A container before its host's hypervisor; `hypervisor` when the CPU tells there is one and nothing names it. */
async function detectVirtualization(vendor: string | null, model: string | null): Promise<string | null> {
  const container = await readTextIfPresent('/run/systemd/container')
  if (container) return clip(container, 60)
  if ((await readTextIfPresent('/.dockerenv')) !== undefined) return 'docker'
  if ((await readTextIfPresent('/run/.containerenv')) !== undefined) return 'podman'
  const type = await readTextIfPresent('/sys/hypervisor/type')
  if (type) return clip(type, 60)
  const names = `${vendor ?? ''} ${model ?? ''}`
  const named = hypervisorNamed(names)
  if (named !== null) return named
  const cpu = (await readTextIfPresent('/proc/cpuinfo')) ?? ''
  return /^flags\s*:.*\bhypervisor\b/m.test(cpu) ? 'hypervisor' : null
}
