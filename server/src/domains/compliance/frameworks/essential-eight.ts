/**
 * Essential Eight (Australian Signals Directorate, maturity model of November 2023): by strategy and maturity level, in our own
 * words. The published text has no numbers; these are ours: strategy.level.item.
 */
import type { Framework } from './framework.ts'
import { attested, measured, partly } from './write.ts'

const PATCH_WINDOW =
  'Judged by the one limit set for all devices; which devices face the internet, and which patches are being exploited, is not seen.'

export const essentialEight: Framework = {
  id: 'essential_eight',
  name: 'Essential Eight',
  publisher: 'Australian Signals Directorate',
  version: 'November 2023 / mapping 1',
  owner: null,
  controls: [
    partly(
      'PA.1.1',
      'Applications: assets are discovered at least fortnightly',
      ['device_reporting', 'software_inventory'],
      'Devices with an agent and their software are seen; others are not.',
    ),
    attested('PA.1.2', 'Applications: scanned for missing patches'),
    attested('PA.1.3', 'Applications: online services are patched in time'),
    attested(
      'PA.1.4',
      'Applications: browsers, office, PDF, e-mail and security products are patched within two weeks',
    ),
    attested('PA.1.5', 'Applications: what is out of support is removed'),
    attested('PA.2.1', 'Applications: others are patched within a month'),
    attested('PA.3.1', 'Applications: critical patches within 48 hours'),
    partly(
      'PO.1.1',
      'Systems: assets are discovered at least fortnightly',
      'device_reporting',
      'Devices with an agent are seen; others are not.',
    ),
    attested('PO.1.2', 'Systems: scanned for missing patches'),
    partly('PO.1.3', 'Systems that face the internet are patched in time', 'os_patches', PATCH_WINDOW, {
      devices: 'servers',
    }),
    partly(
      'PO.1.4',
      'Systems: others are patched within a month',
      ['os_patches', 'reboot_pending'],
      `${PATCH_WINDOW} Patches that wait for a restart are seen.`,
    ),
    measured(
      'PO.1.5',
      'Systems out of support are replaced',
      'os_supported',
      'The end of support is seen where it is known for the system.',
    ),
    attested('PO.3.1', 'Systems: critical patches within 48 hours, drivers and firmware too'),
    attested('PO.3.2', 'Systems: the latest release or the one before'),
    attested('MF.1.1', 'Second factor for online services'),
    attested('MF.1.2', "Second factor for the organization's own customer services"),
    attested('MF.2.1', 'Second factor for users of systems, resistant to phishing'),
    attested('MF.3.1', 'Second factor for data repositories'),
    partly(
      'AP.1.1',
      'Privileged access is validated when it is asked for',
      'local_administrators',
      'Local administrators are held against the allowed list; the asking is not seen.',
    ),
    attested('AP.1.2', 'Privileged users have an account of its own for it'),
    attested('AP.1.3', 'Privileged accounts are kept from the internet'),
    attested('AP.1.4', 'Privileged and other environments are separate'),
    attested('AP.2.1', 'Privileged access ends after 12 months unless validated anew'),
    partly(
      'AP.2.2',
      'Privileged access ends after 45 days without use',
      'dormant_accounts',
      'All accounts of the device that people sign in with are judged; those of directories are not seen.',
    ),
    attested('AP.2.3', 'Administration goes through jump servers'),
    attested('AP.2.4', 'Credentials of local administrators and services are managed'),
    attested('AP.2.5', 'Privileged access is logged centrally'),
    attested('AP.3.1', 'Just-in-time administration from secure workstations'),
    attested('AC.1.1', 'Application control on workstations'),
    attested('AC.2.1', 'Application control on servers that face the internet'),
    attested('AC.3.1', 'Application control on all servers'),
    attested('OM.1.1', 'Office macros are off where nobody needs them'),
    attested('OM.1.2', 'Office macros from the internet are blocked'),
    attested('OM.1.3', 'Office macros are scanned for malware'),
    attested('OM.1.4', 'Users can not change the security of macros'),
    attested('OM.3.1', 'Only vetted macros run'),
    attested('UH.1.1', 'Internet Explorer 11 is off or removed'),
    attested('UH.1.2', 'Browsers run no Java and no advertisements from the internet'),
    attested('UH.1.3', 'Users can not change the security of browsers'),
    attested('UH.2.1', 'Office, browsers and PDF software are hardened'),
    partly(
      'UH.2.2',
      'Command lines and scripts are logged centrally',
      'audit_log',
      'That the device records events is seen; which, and whether they are collected centrally, is not.',
    ),
    attested('UH.3.1', 'Old .NET and PowerShell are off'),
    partly(
      'RB.1.1',
      'Backups are made as the business needs them',
      'backup_recent',
      'Not measured yet: unknown until a backup product is connected.',
    ),
    attested('RB.1.2', 'Restoring to one point in time is possible and tested'),
    attested('RB.1.3', 'Backups are kept securely'),
    attested('RB.1.4', "Users can not reach others' backups, nor change any"),
    attested('RB.2.1', 'Privileged users can not reach or change backups'),
    attested('RB.3.1', 'Backup administrators can not change backups while they are kept'),
  ],
}
