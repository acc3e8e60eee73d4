import { type Layout, NICENESS } from './layout.ts'

/**
 * systemd.service(5). The agent's own supervisor stands between, because it puts a former version back where a new one fails;
 * its log goes to the journal. `Delegate`: the agent makes a control group per script. `KillMode=mixed`: the supervisor
 * is told first, the agent by it, and it ends its scripts itself; what is left after the timeout is killed.
 */
export function unitText({ program, environment, state }: Layout): string {
  return `[Unit]
Description=Breeze agent
Wants=network-online.target
After=network-online.target

[Service]
ExecStart=${program} supervise -- --state ${state}
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
