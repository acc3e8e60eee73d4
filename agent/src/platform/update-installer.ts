import { aptInstaller } from './updates/apt-install.ts'
import { dnfInstaller } from './updates/dnf-install.ts'
import type { UpdateInstaller } from './updates/installer.ts'
import { pacmanInstaller } from './updates/pacman-install.ts'
import { windowsInstaller } from './windows/install-updates.ts'

/** The system's own first, as where pending updates are read. */
const ON_LINUX = [aptInstaller(), dnfInstaller, pacmanInstaller]

/** A text says why this device's updates can't be installed. */
export async function updateInstaller(): Promise<UpdateInstaller | string> {
  if (process.platform === 'win32') return windowsInstaller
  if (process.platform !== 'linux') return `updates are not installed by this agent on ${process.platform} yet`
  if (process.getuid?.() !== 0) return 'installing updates needs the agent to run as root'
  for (const installer of ON_LINUX) if (await installer.present()) return installer
  return 'this system has no package manager that this agent installs updates with'
}
