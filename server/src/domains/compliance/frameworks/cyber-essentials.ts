/**
 * Cyber Essentials (UK NCSC, requirements for IT infrastructure v3.2): the five technical controls, in our own words. The
 * published text has no numbers; these are ours.
 */
import type { Framework } from './framework.ts'
import { attested, measured, partly } from './write.ts'

export const cyberEssentials: Framework = {
  id: 'cyber_essentials',
  name: 'Cyber Essentials',
  publisher: 'UK National Cyber Security Centre',
  version: '3.2 / mapping 1',
  owner: null,
  controls: [
    measured(
      'FW.1',
      'Every device is behind a firewall that denies by default',
      'firewall_on',
      'State and default of the host firewall are seen; boundary firewalls are not.',
    ),
    attested('FW.2', 'Default passwords of firewalls are changed, or their administration is closed'),
    attested('FW.3', 'Firewalls are not administered from the internet without a second factor or an address list'),
    attested('FW.4', 'Inbound rules are approved, documented and removed when not needed'),
    partly(
      'SC.1',
      'Accounts that are not needed are removed or disabled',
      ['guest_account', 'dormant_accounts'],
      'Guest and dormant accounts of devices are seen; those of directories and cloud services are not.',
    ),
    partly(
      'SC.2',
      'Default and guessable passwords are changed',
      'empty_passwords',
      'Missing passwords are seen; what a password is, is not.',
    ),
    attested('SC.3', 'Software that is not needed is removed or off'),
    attested('SC.4', 'No file runs by itself'),
    partly(
      'SC.5',
      'Users are authenticated before they reach data',
      ['empty_passwords', 'ssh_root_password'],
      'Accounts of the device and its SSH server are seen; other services are not.',
    ),
    partly(
      'SC.6',
      'Devices lock, and ask for a credential',
      'screen_lock',
      'The lock of workstations is seen where the system tells it; the quality of the credential is not.',
    ),
    attested('SC.7', 'Credentials that unlock a device are protected against guessing'),
    partly(
      'SU.1',
      'Software is licensed and supported',
      'os_supported',
      'The support of the operating system is seen; applications and licences are not.',
    ),
    attested('SU.2', 'Automatic updates are on where possible'),
    partly(
      'SU.3',
      'Critical and high updates are applied within 14 days',
      ['os_patches', 'reboot_pending'],
      "How long patches of the system's own manager are missing, and whether they wait for a restart, is seen.",
    ),
    attested('UA.1', 'Accounts are made and approved by a process'),
    partly(
      'UA.2',
      'Users sign in with credentials of their own',
      'empty_passwords',
      'Missing passwords are seen; shared accounts are not.',
    ),
    partly(
      'UA.3',
      'Accounts are removed or disabled when not needed',
      'dormant_accounts',
      'Accounts of devices are seen, those of directories and cloud services are not.',
    ),
    attested('UA.4', 'Second factor where available, always for cloud services'),
    partly(
      'UA.5',
      'Separate accounts for administration',
      'local_administrators',
      'Who is a local administrator is seen; what they use the account for is not.',
    ),
    attested('UA.6', 'Special rights end when not needed'),
    attested('UA.7', 'Passwords are protected against guessing, and of good quality'),
    measured(
      'MP.1',
      'Anti-malware is active on every device',
      'antimalware_running',
      'Known products and whether they run are seen. Allow-listing instead of it is not.',
    ),
    measured(
      'MP.2',
      'Anti-malware is updated as its vendor says',
      'antimalware_current',
      'The age of definitions is seen where the product tells it.',
    ),
    attested('MP.3', 'Anti-malware blocks malicious code and connections'),
  ],
}
