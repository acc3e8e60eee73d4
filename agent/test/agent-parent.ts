import { fork } from 'node:child_process'

/** Starts an agent with an IPC channel, as the server does, and waits to be killed. */
const [bin = '', ...argv] = process.argv.slice(2)
fork(bin, argv, { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] })
setInterval(() => undefined, 60_000)
