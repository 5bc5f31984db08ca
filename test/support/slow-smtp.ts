// An SMTP server (RFC 5321) on loopback that takes its time before it accepts a letter, refuses whom it is told to refuse,
// and can stop answering: what a bad night of a real mail server looks like.
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'

export type SlowSmtp = {
  url: string
  /** To whom, in the order of acceptance. */
  accepted: string[]
  /** The most letters that were on their way at one moment. */
  mostAtOnce(): number
  /** How many wait for an answer now. */
  waiting(): number
  /** From now on nothing comes to an end: a tarpit, which says now and then that it is still there. */
  hang(): void
  close(): Promise<void>
}

/** `refuse`: recipients that do not exist here. */
export async function slowSmtp(delayMs: number, refuse: (address: string) => boolean = () => false): Promise<SlowSmtp> {
  const accepted: string[] = []
  const sockets = new Set<Socket>()
  let [waiting, most, hangs] = [0, 0, false]
  let pit: NodeJS.Timeout | undefined

  function serve(socket: Socket): void {
    let [buffer, recipient, inData] = ['', '', false]
    const say = (line: string): void => void (hangs || socket.write(`${line}\r\n`))
    const take = async (): Promise<void> => {
      waiting++
      most = Math.max(most, waiting)
      await new Promise((resolve) => setTimeout(resolve, delayMs))
      if (hangs) return
      waiting--
      accepted.push(recipient)
      say('250 2.0.0 taken')
    }
    const answer = (line: string): void => {
      const verb = line.slice(0, 4).toUpperCase()
      if (verb === 'RCPT') {
        recipient = /<([^>]*)>/.exec(line)?.[1] ?? ''
        say(refuse(recipient) ? '550 5.1.1 nobody of this name' : '250 2.1.5 ok')
      } else if (verb === 'DATA') {
        inData = true
        say('354 go on')
      } else if (verb === 'QUIT') {
        say('221 2.0.0 bye')
        socket.end()
      } else say('250 ok')
    }
    socket.on('data', (chunk) => {
      buffer += chunk.toString('latin1')
      for (;;) {
        const end = inData ? '\r\n.\r\n' : '\r\n'
        const at = buffer.indexOf(end)
        if (at < 0) return
        const line = buffer.slice(0, at)
        buffer = buffer.slice(at + end.length)
        if (!inData) answer(line)
        else {
          inData = false
          void take()
        }
      }
    })
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    sockets.add(socket)
    say('220 slow.example ESMTP')
  }

  const server = createServer(serve).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  return {
    url: `smtp://127.0.0.1:${port}`,
    accepted,
    mostAtOnce: () => most,
    waiting: () => waiting,
    hang() {
      hangs = true
      pit = setInterval(() => {
        for (const socket of sockets) socket.write('250-one moment\r\n')
      }, 1_000)
    },
    async close() {
      clearInterval(pit)
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
