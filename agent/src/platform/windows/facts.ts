import * as z from 'zod'
import { runPowershell } from './powershell.ts'

/** One PowerShell for all the base sections: starting it costs more than all that it reads. */
const SCRIPT = `
$os = Get-CimInstance Win32_OperatingSystem
[pscustomobject]@{
  os = [pscustomobject]@{
    Caption = $os.Caption; Version = $os.Version; ProductType = $os.ProductType
    OSArchitecture = $os.OSArchitecture; BootedAt = $os.LastBootUpTime.ToUniversalTime().ToString('o')
    TotalVisibleMemorySize = $os.TotalVisibleMemorySize; FreePhysicalMemory = $os.FreePhysicalMemory
  }
  system = Get-CimInstance Win32_ComputerSystem | Select-Object Manufacturer, Model, HypervisorPresent
  serial = (Get-CimInstance Win32_BIOS).SerialNumber
  machineGuid = (Get-ItemProperty 'HKLM:\\SOFTWARE\\Microsoft\\Cryptography').MachineGuid
  processors = @(Get-CimInstance Win32_Processor | Select-Object Name, NumberOfCores, NumberOfLogicalProcessors)
  pageFiles = @(Get-CimInstance Win32_PageFileUsage | Select-Object AllocatedBaseSize, CurrentUsage)
  disks = @(Get-CimInstance Win32_LogicalDisk -Filter 'DriveType=3' | Select-Object DeviceID, FileSystem, Size, FreeSpace)
  adapters = @(Get-CimInstance Win32_NetworkAdapter -Filter 'PhysicalAdapter=True' |
    Select-Object Index, Name, NetConnectionID, MACAddress, NetConnectionStatus)
  addresses = @(Get-CimInstance Win32_NetworkAdapterConfiguration -Filter 'IPEnabled=True' |
    Select-Object Index, IPAddress)
} | ConvertTo-Json -Depth 4 -Compress`

const count = z.number().nullable()
export const windowsFacts = z.object({
  os: z.object({
    Caption: z.string(),
    Version: z.string(),
    /** 1 workstation, 2 domain controller, 3 server. */
    ProductType: z.number(),
    OSArchitecture: z.string().nullable(),
    BootedAt: z.string(),
    /** KiB, as the next. */
    TotalVisibleMemorySize: z.number(),
    FreePhysicalMemory: z.number(),
  }),
  system: z.object({
    Manufacturer: z.string().nullable(),
    Model: z.string().nullable(),
    HypervisorPresent: z.boolean().nullable(),
  }),
  serial: z.string().nullable(),
  machineGuid: z.string(),
  processors: z.array(z.object({ Name: z.string(), NumberOfCores: z.number(), NumberOfLogicalProcessors: z.number() })),
  /** MiB. */
  pageFiles: z.array(z.object({ AllocatedBaseSize: z.number(), CurrentUsage: z.number() })),
  /** Sizes are null for a volume that is locked or not formatted. */
  disks: z.array(z.object({ DeviceID: z.string(), FileSystem: z.string().nullable(), Size: count, FreeSpace: count })),
  adapters: z.array(
    z.object({
      Index: z.number(),
      Name: z.string(),
      NetConnectionID: z.string().nullable(),
      MACAddress: z.string().nullable(),
      /** 2 connected. */
      NetConnectionStatus: count,
    }),
  ),
  addresses: z.array(z.object({ Index: z.number(), IPAddress: z.array(z.string()).nullable() })),
})
export type WindowsFacts = z.infer<typeof windowsFacts>

const SHARED_MS = 5000
let shared: { readAtMs: number; facts: Promise<WindowsFacts> } | undefined

/** Sections that are collected together share one reading. */
export function readWindowsFacts(): Promise<WindowsFacts> {
  if (!shared || performance.now() - shared.readAtMs > SHARED_MS) {
    const facts = runPowershell(SCRIPT).then((value) => windowsFacts.parse(value))
    shared = { readAtMs: performance.now(), facts }
  }
  return shared.facts
}
