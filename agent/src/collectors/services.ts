import { listServices, serviceManager } from '../platform/linux-services.ts'
import { type Collector, Unsupported } from './section.ts'

export const linuxServices: Collector<'services'> = {
  name: 'services',
  source: 'systemctl, /etc/init.d',
  platforms: ['linux'],
  timeoutMs: 60_000,
  async collect(tell) {
    const manager = await serviceManager()
    if (!manager) throw new Unsupported('Neither systemd nor init scripts manage services on this system')
    tell?.({ source: manager === 'systemd' ? 'systemctl show' : '/etc/init.d, /etc/rc?.d' })
    return await listServices(manager)
  },
  // A pid moves with every restart, and the restart is seen in the logs.
  stable: (data) => data.map((service) => ({ ...service, pid: undefined })),
}
