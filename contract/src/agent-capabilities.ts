/** The names of what an agent may be able to carry out. The agent reports each with yes or no and the reason. */

export const CAPABILITIES = [
  'script.bash',
  'script.sh',
  'script.python',
  'script.powershell',
  'script.cmd',
  /** Scripts as another user than the agent's own. */
  'script.run_as',
  /** Scripts with variables in their environment, and secret ones kept out of what they write. */
  'script.environment',
  'power.reboot',
  'power.shutdown',
  'device.lock',
  /** Sends a wake-on-LAN packet to another device of the same network. */
  'network.wake',
  'network.diagnose',
  'service.control',
  'logs.read',
  'processes.list',
  'files.list',
  'files.read',
  'files.put',
  'files.delete',
  /** Looks for updates, and fetches the package lists before. */
  'updates.scan',
  'updates.install',
  /** Cuts the device off from all but the server. */
  'network.isolate',
  'network.release',
  /** Takes on a newer build of itself, and goes back by itself where that does not work. */
  'agent.update',
] as const
export type Capability = (typeof CAPABILITIES)[number]
