import { type Layout, NICENESS } from './layout.ts'

/**
 * systemd.service(5). `Delegate`: the agent makes a control group per script. `KillMode=mixed`: the agent is told first and
 * ends its scripts itself; what is left after the timeout is killed. Its log goes to the journal, which keeps its size.
 */
export function unitText({ program, environment, state }: Layout): string {
  return `[Unit]
Description=Breeze agent
Wants=network-online.target
After=network-online.target

[Service]
ExecStart=${program} --state ${state}
EnvironmentFile=${environment}
Restart=always
RestartSec=5
Nice=${NICENESS}
IOSchedulingClass=best-effort
IOSchedulingPriority=7
Delegate=yes
KillMode=mixed
TimeoutStopSec=15
OOMPolicy=continue
UMask=0077

[Install]
WantedBy=multi-user.target
`
}
