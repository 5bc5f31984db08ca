// A private Redis that keeps nothing on disk, on a free loopback port; it is ended by its own process id.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { servedFolder } from './apache.ts'
import { freePort, reachable } from './ports.ts'

export type Redis = {
  /** `host:port` */
  at: string
  /** All that it holds, as one text. */
  dump(): Promise<string>
  stop(): Promise<void>
}

export async function startRedis(host = '127.0.0.1'): Promise<Redis> {
  const folder = await servedFolder('schedar-redis-')
  const port = await freePort(host)
  const options = ['--port', `${port}`, '--bind', host, '--save', '', '--appendonly', 'no', '--dir', folder]
  const redis = spawn('/usr/bin/redis-server', options, { stdio: 'ignore', cwd: folder })
  await reachable(port, host)

  /** One command in the inline form of Redis's protocol; the answer as it comes. */
  async function ask(command: string): Promise<string> {
    let answer = ''
    const socket = connect(port, host)
    socket.setEncoding('latin1').on('data', (text) => {
      answer += text
    })
    socket.end(`${command}\r\nQUIT\r\n`)
    await once(socket, 'close')
    return answer
  }

  return {
    at: `${host}:${port}`,
    dump: async () => {
      const names = (await ask('KEYS *')).split('\r\n').filter((line) => /^[^*$+]./.test(line))
      const values = await Promise.all(names.map((name) => ask(`GET ${JSON.stringify(name)}`)))
      return values.join('\n')
    },
    async stop() {
      if (redis.exitCode === null && redis.signalCode === null) {
        redis.kill('SIGTERM')
        await once(redis, 'exit')
      }
      await rm(folder, { recursive: true, force: true })
    },
  }
}
