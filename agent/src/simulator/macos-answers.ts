import type { Answer } from './machine.ts'
import { linuxAnswers } from './linux-answers.ts'

export const macosAnswers: readonly Answer[] = [
  [
    /^uname -a$/,
    ({ facts }) =>
      `Darwin ${facts.hostname} ${facts.system.os.kernel} Darwin Kernel Version ${facts.system.os.kernel} arm64`,
  ],
  [/^uname( -s)?$/, () => 'Darwin'],
  [
    /^sw_vers$/,
    ({ facts }) => `ProductName:\t\tmacOS\nProductVersion:\t\t${facts.system.os.version}\nBuildVersion:\t\t24B91`,
  ],
  [/^scutil --get \w+$/, ({ facts }) => facts.hostname],
  // A Mac has none of Linux's own programs.
  ...linuxAnswers.filter(([pattern]) => !/free|lsb_release|nproc|ip \(|systemctl/.test(pattern.source)),
]
