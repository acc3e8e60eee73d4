/** A mail server that keeps what it is sent (RFC 5321, as much as a client of ours uses). */
import { createServer, type Socket } from 'node:net'

export interface Mailbox {
  url: string
  /** As they came: recipient and text. */
  mails: { to: string[]; text: string }[]
  close(): Promise<void>
}

export async function mailbox(): Promise<Mailbox> {
  const mails: Mailbox['mails'] = []
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    serve(socket, mails)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    url: `smtp://127.0.0.1:${address.port}`,
    mails,
    close: () => {
      for (const socket of sockets) socket.destroy()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

function serve(socket: Socket, mails: Mailbox['mails']): void {
  let to: string[] = []
  let text: string[] | null = null
  let rest = ''
  socket.on('error', () => undefined)
  socket.write('220 test\r\n')
  socket.on('data', (chunk) => {
    rest += chunk.toString()
    const lines = rest.split('\r\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      if (text !== null) {
        if (line !== '.') text.push(line)
        else {
          // Long lines are folded on the way (RFC 2045, quoted-printable).
          mails.push({ to, text: text.join('\n').replaceAll('=\n', '').replaceAll('=3D', '=') })
          text = null
          to = []
          socket.write('250 ok\r\n')
        }
      } else if (/^RCPT TO/i.test(line)) {
        to.push(/<(.*)>/.exec(line)?.[1] ?? '')
        socket.write('250 ok\r\n')
      } else if (/^DATA/i.test(line)) {
        text = []
        socket.write('354 go on\r\n')
      } else if (/^QUIT/i.test(line)) socket.end('221 bye\r\n')
      else socket.write('250 test\r\n')
    }
  })
}
